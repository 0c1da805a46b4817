// Package pgwire speaks PostgreSQL's frontend/backend protocol 3.0 to one client per connection, and nothing else: it knows
// messages, authentication and COPY's sub-protocols, not SQL. What a statement means is the business of the Session (session.go) that
// sql/session implements.
//
// Words: connection (a socket and its goroutine), session (what SQL keeps for it), cycle (from a message that starts work to the
// ReadyForQuery that ends it), skipping (dropping the messages of a failed pipeline up to Sync).
//
// Invariants:
//
//	W1. Each message of the client is read whole before it is looked at; its length was checked against limits.go first.
//	W2. A message that cannot be framed (unknown type, absurd length) ends the connection with 08P01. One that is framed well but
//	    malformed inside is an ERROR 08P01 in that session and nothing more.
//	W3. After an error in the extended protocol nothing but Sync and Terminate has an effect until Sync has come.
//	W4. Every ReadyForQuery answers exactly one Query, FunctionCall or Sync.
//	W5. Output is flushed at ReadyForQuery, at Flush, before waiting for COPY data and when the buffer passes outFlush; so a client that follows the
//	    protocol never waits for bytes that we keep.
//	W6. A connection that waits for its client holds neither of its big buffers.
//	W7. A session's methods run on the connection's goroutine only, one at a time; Close is the last and runs exactly once.
//	W8. A panic below ends that one session with XX000; the server goes on.
//	W9. A client is relayed at most once, and who it is is believed only from a node that shows the relay token.
//	W10. Secrets (passwords, verifiers, cancel keys) are never logged and compared in constant time.
//
// Life of a connection, by file: server.go accepts and counts; startup.go reads SSLRequest, GSSENCRequest, CancelRequest or the
// StartupMessage; tls.go wraps it in TLS; hba.go picks the authentication method and auth.go with scram.go carries it out;
// conn.go opens the session and runs the cycles: input.go frames messages, decode.go takes them apart, extended.go and conn.go call the
// session, rows.go and output.go write results, copy.go carries COPY data; backend.go is how others cancel, wake or end it. On a node that does
// not lead, relay.go hands the client on to the leader instead of admitting it.
//
// Start debugging at conn.dispatch: a breakpoint there sees every message with its type. The server's log says for each lost connection why
// (component "pgwire", level debug for normal ends).
package pgwire
