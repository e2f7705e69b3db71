"""Who calls: identities, their tokens, an OpenID provider, the demo's personas."""
