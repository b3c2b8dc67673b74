complete --keep-order --exclusive --command lpctl --arguments "(COMPLETE=fish lpctl -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
