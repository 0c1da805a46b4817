package ddl

import pg "github.com/pganalyze/pg_query_go/v5"

// findMore is find for what is not a relation.
func findMore(stmt *pg.Node, do func(func(r *runner)) (func(*runner) string, bool)) func(*runner) string {
	one := func(f func(r *runner)) func(*runner) string { g, _ := do(f); return g }
	switch n := stmt.GetNode().(type) {
	case *pg.Node_CreateEnumStmt:
		return one(func(r *runner) { r.createEnum(n.CreateEnumStmt) })
	case *pg.Node_AlterEnumStmt:
		return one(func(r *runner) { r.alterEnum(n.AlterEnumStmt) })
	case *pg.Node_CompositeTypeStmt:
		return one(func(r *runner) { r.createComposite(n.CompositeTypeStmt) })
	case *pg.Node_CreateRangeStmt:
		return one(func(r *runner) { r.createRange(n.CreateRangeStmt) })
	case *pg.Node_CreateDomainStmt:
		return one(func(r *runner) { r.createDomain(n.CreateDomainStmt) })
	case *pg.Node_AlterDomainStmt:
		return one(func(r *runner) { r.alterDomain(n.AlterDomainStmt) })
	case *pg.Node_CreateFunctionStmt:
		return one(func(r *runner) { r.createFunction(n.CreateFunctionStmt) })
	case *pg.Node_AlterFunctionStmt:
		return one(func(r *runner) { r.alterFunction(n.AlterFunctionStmt) })
	case *pg.Node_CommentStmt:
		return one(func(r *runner) { r.comment(n.CommentStmt) })
	case *pg.Node_CreateRoleStmt:
		return one(func(r *runner) { r.createRole(n.CreateRoleStmt) })
	case *pg.Node_AlterRoleStmt:
		return one(func(r *runner) { r.alterRole(n.AlterRoleStmt) })
	case *pg.Node_AlterRoleSetStmt:
		return one(func(r *runner) { r.alterRoleSet(n.AlterRoleSetStmt) })
	case *pg.Node_DropRoleStmt:
		return one(func(r *runner) { r.dropRole(n.DropRoleStmt) })
	case *pg.Node_GrantStmt:
		return one(func(r *runner) { r.grant(n.GrantStmt) })
	case *pg.Node_GrantRoleStmt:
		return one(func(r *runner) { r.grantRole(n.GrantRoleStmt) })
	case *pg.Node_AlterDefaultPrivilegesStmt:
		return one(func(r *runner) { r.alterDefaultPrivileges(n.AlterDefaultPrivilegesStmt) })
	case *pg.Node_ReassignOwnedStmt:
		return one(func(r *runner) { r.reassignOwned(n.ReassignOwnedStmt) })
	case *pg.Node_DropOwnedStmt:
		return one(func(r *runner) { r.dropOwned(n.DropOwnedStmt) })
	case *pg.Node_CreatedbStmt:
		return one(func(r *runner) { r.createDatabase(n.CreatedbStmt) })
	case *pg.Node_DropdbStmt:
		return one(func(r *runner) { r.dropDatabase(n.DropdbStmt) })
	case *pg.Node_AlterDatabaseStmt:
		return one(func(r *runner) { r.alterDatabase(n.AlterDatabaseStmt) })
	case *pg.Node_AlterDatabaseSetStmt:
		return one(func(r *runner) { r.alterDatabaseSet(n.AlterDatabaseSetStmt) })
	case *pg.Node_CreateExtensionStmt:
		return one(func(r *runner) { r.createExtension(n.CreateExtensionStmt) })
	case *pg.Node_VacuumStmt:
		return one(func(r *runner) { r.vacuum(n.VacuumStmt) })
	case *pg.Node_ReindexStmt:
		return one(func(r *runner) { r.reindex(n.ReindexStmt) })
	case *pg.Node_ClusterStmt:
		return one(func(r *runner) { r.cluster(n.ClusterStmt) })
	}
	if what, hint := refused(stmt); what != "" {
		return one(func(*runner) { unsupported(what, hint) })
	}
	return nil
}
