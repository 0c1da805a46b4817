// Package server is the composition root: it turns a configuration into a running node and holds what only a whole node has: the HTTP
// interface, metrics, background duties, shutdown.
//
// Words: node (everything one process runs for one data directory), duty (background work of a node), refusal (a start that is not made, with a
// message that says why and a hint what to do).
//
// Invariants:
//
//	SV1. Nothing below this package knows of files of configuration, flags, signals or HTTP; they take plain values and functions.
//	SV2. A node opens from the bottom up (log, projections, consensus, transactions, SQL, protocol) and closes in the reverse order.
//	SV3. The data directory's lock is taken first: whoever does not get it has changed nothing.
//	SV4. Clients are answered from the first moment on: 57P03 until the node is ready, 57P03 again once it shuts down.
//	SV5. A layer that fails for good ends the process with a non-zero status after clients were told; the log decides what the next start finds.
//
// Life of a node, by file: Main (main.go) reads the configuration (config/), makes the loggers (logging/), calls Start (node.go), which opens
// storage (storage.go), makes the first catalog or loads it (catalogue.go), starts consensus and transactions, then the SQL engine (engine.go), and opens the
// listeners (listen.go); duties.go does retention, checkpoints and pruning; http.go, metrics.go and stats.go show it to the outside; Stop takes it all down.
// refuse.go words what may go wrong at the start. admin/ has what kimberlite-admin does.
//
// Start debugging with --show-config, then /status, then the log with KIMBERLITE_LOG=debug.
package server
