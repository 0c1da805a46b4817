package analyze

import (
	pg "github.com/pganalyze/pg_query_go/v5"
	"kimberlite/sql/tree"
	"kimberlite/sql/catalog"
	"kimberlite/sql/parser"
)
type multiAssign struct{ link *tree.SubLink }
func (s *state) multiAssignRef(n *pg.MultiAssignRef) tree.Expr { return nil }
func (s *state) insertStmt(n *pg.InsertStmt) *tree.Query { return nil }
func (s *state) updateStmt(n *pg.UpdateStmt) *tree.Query { return nil }
func (s *state) deleteStmt(n *pg.DeleteStmt) *tree.Query { return nil }
func (s *state) mergeStmt(n *pg.MergeStmt) *tree.Query { return nil }
func (a *analyzer) rewrite(q *tree.Query) *tree.Query { return q }
func (s *state) asOfClause(r *tree.RTE, as *parser.AsOf, rel *catalog.Relation) {}
