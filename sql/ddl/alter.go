package ddl

import (
	"slices"
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// alteration is an ALTER TABLE at work.
type alteration struct {
	*runner
	oid types.OID
	// old is the table as the statement found it: what the rows on disk look like.
	old *catalog.Relation
	// exprs are new values of columns over the old ones, by attribute number; any makes a rewrite necessary. 0 with nil asks for one that copies.
	exprs map[int]tree.Expr
	names []string // constraint names given in this statement
	// Work for the end, when the columns are as they will be.
	notNull   []int
	checks    []types.OID // constraints to validate
	foreign   []types.OID
	rebuild   []types.OID // indexes to build over the rows
	constrain []func()
}

// pass is the place of a subcommand in PostgreSQL's order.
func pass(c *pg.AlterTableCmd) int {
	switch c.Subtype {
	case pg.AlterTableType_AT_DropColumn, pg.AlterTableType_AT_DropConstraint, pg.AlterTableType_AT_DropNotNull, pg.AlterTableType_AT_DropExpression,
		pg.AlterTableType_AT_DropIdentity:
		return 0
	case pg.AlterTableType_AT_AlterColumnType:
		return 1
	case pg.AlterTableType_AT_AddColumn:
		return 3
	case pg.AlterTableType_AT_SetNotNull:
		return 4
	case pg.AlterTableType_AT_ColumnDefault, pg.AlterTableType_AT_AddIdentity:
		return 5
	case pg.AlterTableType_AT_AddConstraint:
		return 6
	}
	return 7
}

// alterTable is ALTER TABLE, INDEX, VIEW, SEQUENCE, MATERIALIZED VIEW and TYPE with subcommands.
func (r *runner) alterTable(n *pg.AlterTableStmt) {
	if n.Objtype == pg.ObjectType_OBJECT_TYPE {
		r.alterComposite(n)
		return
	}
	r.textless = true
	rel := r.lookup(n.Relation)
	if rel == nil {
		if n.MissingOk {
			r.notice("relation \"%s\" does not exist, skipping", n.Relation.Relname)
			return
		}
		fail(r.noRelation(n.Relation))
	}
	r.checkObjectType(rel, n.Objtype)
	r.mustOwn(rel)
	r.lock(rel.OID, alterLock(n.Cmds))
	rel = r.rel(rel.OID)
	a := &alteration{runner: r, oid: rel.OID, old: rel, exprs: map[int]tree.Expr{}}
	cmds := make([]*pg.AlterTableCmd, len(n.Cmds))
	for i, c := range n.Cmds {
		cmds[i] = c.GetAlterTableCmd()
		a.checkKind(rel, cmds[i])
	}
	slices.SortStableFunc(cmds, func(x, y *pg.AlterTableCmd) int { return pass(x) - pass(y) })
	for _, c := range cmds {
		a.command(c)
	}
	a.finish()
}

// checkObjectType refuses ALTER INDEX of a table and the like.
func (r *runner) checkObjectType(rel *catalog.Relation, t pg.ObjectType) {
	k, ok := dropKinds[t]
	if !ok || t == pg.ObjectType_OBJECT_TABLE {
		if rel.RelKind == 'c' {
			fail(pgerr.Newf(pgerr.WrongObjectType, "\"%s\" is a composite type", rel.Name).WithHint("Use ALTER TYPE instead."))
		}
		return
	}
	if k.kinds[0] != rel.RelKind {
		failf(pgerr.WrongObjectType, "\"%s\" is not %s", rel.Name, k.not)
	}
}

// checkKind refuses subcommands that the kind of relation does not have.
func (a *alteration) checkKind(rel *catalog.Relation, c *pg.AlterTableCmd) {
	switch c.Subtype {
	case pg.AlterTableType_AT_ColumnDefault:
		if rel.RelKind == 'v' {
			return
		}
	case pg.AlterTableType_AT_ChangeOwner, pg.AlterTableType_AT_SetRelOptions, pg.AlterTableType_AT_ResetRelOptions,
		pg.AlterTableType_AT_SetStatistics, pg.AlterTableType_AT_SetTableSpace, pg.AlterTableType_AT_ClusterOn, pg.AlterTableType_AT_DropCluster,
		pg.AlterTableType_AT_SetStorage, pg.AlterTableType_AT_SetCompression, pg.AlterTableType_AT_SetOptions, pg.AlterTableType_AT_ResetOptions:
		return
	}
	if rel.RelKind != 'r' {
		name := actionNames[c.Subtype]
		if name == "" {
			name = "of this kind"
		}
		fail(pgerr.Newf(pgerr.WrongObjectType, "ALTER action %s cannot be performed on relation \"%s\"", name, rel.Name).WithDetail("%s", notSupportedFor(rel)))
	}
}

var actionNames = map[pg.AlterTableType]string{
	pg.AlterTableType_AT_AddColumn: "ADD COLUMN", pg.AlterTableType_AT_DropColumn: "DROP COLUMN", pg.AlterTableType_AT_ColumnDefault: "ALTER COLUMN ... SET DEFAULT",
	pg.AlterTableType_AT_DropNotNull: "ALTER COLUMN ... DROP NOT NULL", pg.AlterTableType_AT_SetNotNull: "ALTER COLUMN ... SET NOT NULL",
	pg.AlterTableType_AT_AlterColumnType: "ALTER COLUMN ... SET DATA TYPE", pg.AlterTableType_AT_AddConstraint: "ADD CONSTRAINT",
	pg.AlterTableType_AT_DropConstraint: "DROP CONSTRAINT", pg.AlterTableType_AT_ValidateConstraint: "VALIDATE CONSTRAINT",
	pg.AlterTableType_AT_AlterConstraint: "ALTER CONSTRAINT", pg.AlterTableType_AT_AddIdentity: "ALTER COLUMN ... ADD IDENTITY",
	pg.AlterTableType_AT_SetIdentity: "ALTER COLUMN ... SET", pg.AlterTableType_AT_DropIdentity: "ALTER COLUMN ... DROP IDENTITY",
	pg.AlterTableType_AT_DropExpression: "ALTER COLUMN ... DROP EXPRESSION", pg.AlterTableType_AT_EnableTrigAll: "ENABLE TRIGGER ALL",
	pg.AlterTableType_AT_DisableTrigAll: "DISABLE TRIGGER ALL", pg.AlterTableType_AT_EnableTrigUser: "ENABLE TRIGGER USER",
	pg.AlterTableType_AT_DisableTrigUser: "DISABLE TRIGGER USER", pg.AlterTableType_AT_ReplicaIdentity: "REPLICA IDENTITY", pg.AlterTableType_AT_SetLogged: "SET LOGGED",
	pg.AlterTableType_AT_SetUnLogged: "SET UNLOGGED",
}

// alterLock is the strongest lock that the subcommands need.
func alterLock(cmds []*pg.Node) txn.TableLockMode {
	mode := txn.ShareUpdateExclusive
	for _, n := range cmds {
		m := txn.AccessExclusive
		switch c := n.GetAlterTableCmd(); c.Subtype {
		case pg.AlterTableType_AT_SetStatistics, pg.AlterTableType_AT_ClusterOn, pg.AlterTableType_AT_DropCluster, pg.AlterTableType_AT_SetOptions,
			pg.AlterTableType_AT_ResetOptions, pg.AlterTableType_AT_ValidateConstraint, pg.AlterTableType_AT_SetRelOptions, pg.AlterTableType_AT_ResetRelOptions:
			m = txn.ShareUpdateExclusive
		case pg.AlterTableType_AT_AddConstraint:
			if c.Def.GetConstraint().GetContype() == pg.ConstrType_CONSTR_FOREIGN {
				m = txn.ShareRowExclusive
			}
		case pg.AlterTableType_AT_EnableTrigAll, pg.AlterTableType_AT_EnableTrigUser, pg.AlterTableType_AT_DisableTrigAll, pg.AlterTableType_AT_DisableTrigUser:
			m = txn.ShareRowExclusive
		}
		mode = max(mode, m)
	}
	return mode
}

// now is the table as it stands.
func (a *alteration) now() *catalog.Relation { return a.rel(a.oid) }

// column finds a column for an ALTER.
func (a *alteration) column(name string) int {
	rel := a.now()
	att := findColumn(rel, name)
	if att == 0 {
		if systemColumns[name] {
			failf(pgerr.FeatureNotSupported, "cannot alter system column \"%s\"", name)
		}
		failf(pgerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", name, rel.Name)
	}
	return att
}

func (a *alteration) edit(att int, f func(c *catalog.Column)) {
	a.change(a.oid, func(rel *catalog.Relation) { f(&rel.Columns[att-1]) })
}

// command runs one subcommand.
func (a *alteration) command(c *pg.AlterTableCmd) {
	switch c.Subtype {
	case pg.AlterTableType_AT_AddColumn:
		a.newColumn(c)
	case pg.AlterTableType_AT_DropColumn:
		a.dropColumn(c)
	case pg.AlterTableType_AT_AlterColumnType:
		a.columnType(c)
	case pg.AlterTableType_AT_ColumnDefault:
		a.columnDefault(c)
	case pg.AlterTableType_AT_SetNotNull:
		att := a.column(c.Name)
		if !a.now().Columns[att-1].NotNull {
			a.edit(att, func(c *catalog.Column) { c.NotNull = true })
			a.notNull = append(a.notNull, att)
		}
	case pg.AlterTableType_AT_DropNotNull:
		a.dropNotNull(c)
	case pg.AlterTableType_AT_DropExpression:
		a.dropExpression(c)
	case pg.AlterTableType_AT_AddConstraint:
		a.addConstraint(c.Def.GetConstraint())
	case pg.AlterTableType_AT_DropConstraint:
		a.dropConstraint(c)
	case pg.AlterTableType_AT_ValidateConstraint:
		a.validateConstraint(c.Name)
	case pg.AlterTableType_AT_AlterConstraint:
		a.alterConstraint(c.Def.GetConstraint())
	case pg.AlterTableType_AT_AddIdentity, pg.AlterTableType_AT_SetIdentity, pg.AlterTableType_AT_DropIdentity:
		a.identityCommand(c)
	default:
		a.minorCommand(c)
	}
}

// minorCommand runs the subcommands that change little more than a word in the catalog.
func (a *alteration) minorCommand(c *pg.AlterTableCmd) {
	switch c.Subtype {
	case pg.AlterTableType_AT_SetStatistics:
		a.setStatistics(c)
	case pg.AlterTableType_AT_SetStorage:
		s := columnStorage(str(c.Def))
		if s == 0 {
			failf(pgerr.InvalidParameterValue, "invalid storage type \"%s\"", str(c.Def))
		}
		a.edit(a.column(c.Name), func(c *catalog.Column) { c.Storage = s })
	case pg.AlterTableType_AT_SetCompression:
		s := columnCompression(str(c.Def))
		a.edit(a.column(c.Name), func(c *catalog.Column) { c.Compression = s })
	case pg.AlterTableType_AT_SetOptions, pg.AlterTableType_AT_ResetOptions:
		att := a.column(c.Name)
		for _, n := range c.Def.GetList().GetItems() {
			d := n.GetDefElem()
			if d.Defname != "n_distinct" && d.Defname != "n_distinct_inherited" {
				failf(pgerr.InvalidParameterValue, "unrecognized parameter \"%s\"", d.Defname)
			}
			a.edit(att, func(col *catalog.Column) {
				col.Options = setOption(col.Options, d, c.Subtype == pg.AlterTableType_AT_ResetOptions)
			})
		}
	case pg.AlterTableType_AT_SetRelOptions, pg.AlterTableType_AT_ResetRelOptions:
		a.relOptions(c.Def.GetList().GetItems(), c.Subtype == pg.AlterTableType_AT_ResetRelOptions)
	case pg.AlterTableType_AT_ChangeOwner:
		a.relationOwner(a.now(), a.roleSpec(c.Newowner))
	case pg.AlterTableType_AT_ClusterOn:
		a.clusterOn(a.now(), c.Name)
	case pg.AlterTableType_AT_DropCluster:
		a.clusterOn(a.now(), "")
	case pg.AlterTableType_AT_ReplicaIdentity:
		a.replicaIdentity(c.Def.GetReplicaIdentityStmt())
	case pg.AlterTableType_AT_SetLogged, pg.AlterTableType_AT_SetUnLogged:
		a.setLogged(c.Subtype == pg.AlterTableType_AT_SetLogged)
	case pg.AlterTableType_AT_SetTableSpace:
		ts := a.tablespace(c.Name)
		a.change(a.oid, func(rel *catalog.Relation) { rel.Tablespace = ts })
	case pg.AlterTableType_AT_EnableTrigAll, pg.AlterTableType_AT_EnableTrigUser, pg.AlterTableType_AT_DisableTrigAll, pg.AlterTableType_AT_DisableTrigUser,
		pg.AlterTableType_AT_DropOids, pg.AlterTableType_AT_DisableRowSecurity, pg.AlterTableType_AT_NoForceRowSecurity:
		// There are no user triggers and no row security to turn on or off.
	case pg.AlterTableType_AT_EnableTrig, pg.AlterTableType_AT_DisableTrig, pg.AlterTableType_AT_EnableAlwaysTrig, pg.AlterTableType_AT_EnableReplicaTrig:
		failf(pgerr.UndefinedObject, "trigger \"%s\" for table \"%s\" does not exist", c.Name, a.now().Name)
	case pg.AlterTableType_AT_EnableRowSecurity, pg.AlterTableType_AT_ForceRowSecurity:
		unsupported("row-level security", "Use views and privileges to restrict rows.")
	case pg.AlterTableType_AT_AddInherit, pg.AlterTableType_AT_DropInherit:
		unsupported("table inheritance", "Use a view with UNION ALL.")
	case pg.AlterTableType_AT_AttachPartition, pg.AlterTableType_AT_DetachPartition:
		unsupported("partitioning", "Use a plain table with an index.")
	default:
		unsupported("this form of ALTER TABLE", "See the documentation for the forms that Kimberlite supports.")
	}
}

// relOptions is SET (...) and RESET (...).
func (a *alteration) relOptions(list []*pg.Node, reset bool) {
	if kind := a.now().RelKind; !reset {
		switch kind {
		case 'r', 'm':
			a.tableOptions(list)
		case 'i':
			indexOptions(list)
		case 'v':
			viewOptions(&pg.ViewStmt{Options: list})
		}
	}
	a.change(a.oid, func(rel *catalog.Relation) {
		for _, n := range list {
			d := n.GetDefElem()
			rel.Options = setOption(rel.Options, d, reset)
			if rel.View != nil && d.Defname == "check_option" {
				rel.View.CheckOption = 0
				if !reset {
					rel.View.CheckOption = defText(d)[0]
				}
			}
		}
	})
}

// setOption puts or removes name=value in a list of options.
func setOption(list []string, d *pg.DefElem, reset bool) []string {
	out := slices.DeleteFunc(slices.Clone(list), func(s string) bool { return strings.HasPrefix(s, d.Defname+"=") })
	if !reset {
		out = append(out, d.Defname+"="+defText(d))
	}
	return out
}

func (a *alteration) replicaIdentity(n *pg.ReplicaIdentityStmt) {
	kind := n.IdentityType[0]
	var chosen types.OID
	if kind == 'i' {
		ix := a.Overlay.RelationByName(a.now().Schema, n.Name)
		if ix == nil || ix.Index == nil || ix.Index.Table != a.oid {
			failf(pgerr.UndefinedObject, "index \"%s\" for table \"%s\" does not exist", n.Name, a.now().Name)
		}
		if !ix.Index.Unique {
			failf(pgerr.WrongObjectType, "cannot use non-unique index \"%s\" as replica identity", n.Name)
		}
		chosen = ix.OID
	}
	for _, oid := range a.now().Indexes {
		if a.rel(oid).Index.ReplIdent != (oid == chosen) {
			a.change(oid, func(x *catalog.Relation) { x.Index.ReplIdent = oid == chosen })
		}
	}
	a.change(a.oid, func(rel *catalog.Relation) { rel.ReplIdent = kind })
}

// setLogged moves a table between logged and unlogged by a rewrite.
func (a *alteration) setLogged(logged bool) {
	to := byte('u')
	if logged {
		to = 'p'
	}
	rel := a.now()
	if rel.Persistence == to {
		return
	}
	if rel.Persistence == 't' {
		failf(pgerr.InvalidTableDefinition, "cannot change logged status of table \"%s\" because it is temporary", rel.Name)
	}
	for _, ix := range rel.Indexes {
		a.change(ix, func(x *catalog.Relation) { x.Persistence = to })
	}
	a.change(a.oid, func(x *catalog.Relation) { x.Persistence = to })
	a.exprs[0] = nil
}

// finish does what needs the rows: the rewrite, the new indexes, and the validation of constraints.
func (a *alteration) finish() {
	if len(a.exprs) > 0 && a.old.RelKind == 'r' {
		a.rewrite(a.old, a.exprs)
	} else {
		for _, ix := range a.rebuild {
			if a.Overlay.Relation(ix) != nil {
				a.buildIndex(a.oid, ix)
			}
		}
		a.validateNotNull(a.now(), a.notNull)
	}
	for _, f := range a.constrain {
		f()
	}
	rel := a.now()
	for i := range rel.Constraints {
		c := &rel.Constraints[i]
		if slices.Contains(a.checks, c.OID) {
			a.validateCheck(rel, c)
		}
		if slices.Contains(a.foreign, c.OID) {
			a.validateForeignKey(rel, c)
		}
	}
}
