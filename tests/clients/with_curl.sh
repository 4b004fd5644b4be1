set -eu
server=$(curl -sS --fail "$ISSUER/.well-known/oauth-authorization-server")
endpoint=$(printf '%s' "$server" | sed -n 's/.*"token_endpoint": *"\([^"]*\)".*/\1/p')
granted=$(curl -sS --fail-with-body -u "$CLIENT_ID:$CLIENT_SECRET" -d grant_type=client_credentials "$endpoint") ||
  { printf '%s\n' "$granted" >&2; exit 1; }
token=$(printf '%s' "$granted" | sed -n 's/.*"access_token": *"\([^"]*\)".*/\1/p')
curl -sS -o /dev/null -w '{"status": %{http_code}}\n' -H "Authorization: Bearer $token" "$ISSUER/Order"
