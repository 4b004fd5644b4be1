// Everything comes from this service: no validator elsewhere, no deep configuration from the query string.
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  docExpansion: "list",
  queryConfigEnabled: false,
  validatorUrl: null,
});
