"""GitHub's GraphQL API: the official schema, cut, executed over what the sandbox remembers."""
