-- The first page names texts that are owed, however old the window is.

CREATE INDEX window_owes ON drydock.window (state_at DESC) WHERE issues_met IS NULL AND state IN ('failed', 'rolled_back');
