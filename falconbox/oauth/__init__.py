"""The authorization server: signing keys, access tokens, the client credentials grant, sessions."""
