package session

import (
	"strconv"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
)

func lower(s string) string   { return strings.ToLower(s) }
func itoa(i int) string       { return strconv.Itoa(i) }
func dotted(name string) bool { return strings.IndexByte(name, '.') > 0 }

// allowed refuses statements in a failed transaction block, except those that end it (S3).
func (s *Session) allowed(n *pg.Node) error {
	if s.tx == nil || !s.tx.failed || endsBlock(n) {
		return nil
	}
	return errAborted
}

// endsBlock: COMMIT, ROLLBACK, ROLLBACK TO and their kin.
func endsBlock(n *pg.Node) bool {
	t := n.GetTransactionStmt()
	if t == nil {
		return false
	}
	switch t.Kind {
	case pg.TransactionStmtKind_TRANS_STMT_COMMIT, pg.TransactionStmtKind_TRANS_STMT_ROLLBACK, pg.TransactionStmtKind_TRANS_STMT_ROLLBACK_TO,
		pg.TransactionStmtKind_TRANS_STMT_PREPARE:
		return true
	}
	return false
}

func isTransactionStmt(n *pg.Node) bool { return n.GetTransactionStmt() != nil }
