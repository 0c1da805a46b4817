package session

import (
	"kimberlite/pgwire"
	"kimberlite/sql/parser"
	"kimberlite/sql/types"
)

var _ pgwire.Rester = (*Session)(nil)

// Rest implements pgwire.Rester: a session whose client is quiet gives back what its next statement can make again. Inside a transaction block everything
// stays, since cursors may be open.
func (s *Session) Rest() {
	if s.TxStatus() != 'I' {
		return
	}
	s.cached = nil
	for _, ps := range s.prepared {
		if ps.c != nil && !ps.c.inUse {
			ps.c = nil
		}
	}
	s.arena = types.Arena{}
	s.norm = parser.Normalizer{}
}
