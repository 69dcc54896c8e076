"""How somebody proves who they are: password, session, tokens, and limits on guessing."""
