package ddl

import (
	"slices"
	"strings"
	"time"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

func (r *runner) needDatabase(name string) *catalog.Database {
	d := r.Overlay.DatabaseByName(name)
	if d == nil {
		failf(pgerr.InvalidCatalogName, "database \"%s\" does not exist", name)
	}
	return d
}

func (r *runner) mustOwnDatabase(d *catalog.Database) {
	if !r.owns(d.Owner) {
		failf(pgerr.InsufficientPrivilege, "must be owner of database %s", d.Name)
	}
}

// oidAllocator lends the runner's OIDs to package catalog.
type oidAllocator struct{ r *runner }

// NewOID implements catalog.OIDAllocator.
func (a oidAllocator) NewOID() types.OID { return a.r.oid() }

// createDatabase is CREATE DATABASE.
func (r *runner) createDatabase(n *pg.CreatedbStmt) {
	me := r.Overlay.Role(r.User)
	if !r.isSuper() && (me == nil || !me.CreateDB) {
		failf(pgerr.InsufficientPrivilege, "permission denied to create database")
	}
	template := "template1"
	d := &catalog.Database{Header: catalog.Header{Name: n.Dbname, Owner: r.User}, Encoding: 6, Collate: "C", CType: "C", AllowConn: true, ConnLimit: -1}
	for _, o := range n.Options {
		e := o.GetDefElem()
		if e.Arg == nil {
			continue // DEFAULT
		}
		switch e.Defname {
		case "template":
			template = nodeText(e.Arg)
		case "owner":
			role := r.needRole(nodeText(e.Arg))
			r.newOwner(role)
			d.Owner = role.OID
		default:
			r.databaseOption(d, e)
		}
	}
	if r.Overlay.DatabaseByName(n.Dbname) != nil {
		failf(pgerr.DuplicateDatabase, "database \"%s\" already exists", n.Dbname)
	}
	t := r.Overlay.DatabaseByName(template)
	if t == nil {
		failf(pgerr.InvalidCatalogName, "template database \"%s\" does not exist", template)
	}
	if !t.IsTemplate {
		if !r.owns(t.Owner) {
			failf(pgerr.InsufficientPrivilege, "permission denied to copy database \"%s\"", template)
		}
	}
	if t.OID != r.Database {
		r.notInUse(t, "source database \"%s\" is being accessed by other users")
	}
	d.OID = r.oid()
	ops, err := catalog.NewDatabase(r.Overlay.Snapshot(), oidAllocator{r}, d, t.OID)
	must(err)
	r.Overlay.Apply(ops...)
}

// databaseOption applies an option that CREATE and ALTER DATABASE share, or that CREATE accepts with one value.
func (r *runner) databaseOption(d *catalog.Database, e *pg.DefElem) {
	switch e.Defname {
	case "encoding":
		if s := strings.ToUpper(strings.NewReplacer("-", "", "_", "").Replace(nodeText(e.Arg))); s != "UTF8" && s != "UNICODE" && s != "6" {
			fail(pgerr.Unsupported("encoding \""+nodeText(e.Arg)+"\"", "All databases use UTF8.").At(int(e.Location)))
		}
	case "locale", "lc_collate", "lc_ctype":
		switch s := nodeText(e.Arg); strings.ToUpper(s) {
		case "C", "POSIX", "C.UTF-8", "C.UTF8":
		default:
			fail(pgerr.Unsupported("locale \""+s+"\"", "All databases use the collation C.").At(int(e.Location)))
		}
	case "locale_provider":
		if nodeText(e.Arg) != "libc" {
			fail(pgerr.Unsupported("locale provider \""+nodeText(e.Arg)+"\"", "Leave LOCALE_PROVIDER out.").At(int(e.Location)))
		}
	case "tablespace":
		r.tablespace(nodeText(e.Arg))
	case "strategy":
	case "is_template":
		d.IsTemplate = defBool(e)
	case "allow_connections":
		d.AllowConn = defBool(e)
	case "connection_limit":
		n := defInt64(e)
		if n < -1 {
			failf(pgerr.InvalidParameterValue, "invalid connection limit: %d", n)
		}
		d.ConnLimit = int32(n)
	default:
		fail(pgerr.Newf(pgerr.SyntaxError, "option \"%s\" not recognized", e.Defname).At(int(e.Location)))
	}
}

// dropDatabase is DROP DATABASE: the database's descriptors go, and with them its storages.
func (r *runner) dropDatabase(n *pg.DropdbStmt) {
	d := r.Overlay.DatabaseByName(n.Dbname)
	if d == nil {
		if !n.MissingOk {
			failf(pgerr.InvalidCatalogName, "database \"%s\" does not exist", n.Dbname)
		}
		r.notice("database \"%s\" does not exist, skipping", n.Dbname)
		return
	}
	r.mustOwnDatabase(d)
	switch {
	case d.IsTemplate:
		failf(pgerr.WrongObjectType, "cannot drop a template database")
	case d.OID == r.Database:
		failf(pgerr.ObjectInUse, "cannot drop the currently open database")
	}
	if forced(n) && r.EvictDatabase != nil {
		must(r.EvictDatabase(d.OID))
	}
	r.notInUse(d, "database \"%s\" is being accessed by other users")
	for _, op := range r.Overlay.Snapshot().Ops() {
		h := op.Desc.Head()
		if h.Database != d.OID {
			continue
		}
		if rel, ok := op.Desc.(*catalog.Relation); ok {
			r.dropForeignStorage(rel)
		}
		r.Overlay.Delete(op.Desc)
	}
	r.removeComments(address{catalog.ClassDatabase, d.OID, 0})
	r.Overlay.Delete(d)
}

// dropForeignStorage gives up the storage of a relation of another database, which sync cannot see.
func (r *runner) dropForeignStorage(rel *catalog.Relation) {
	if r.Txn == nil || rel.Storage == 0 {
		return
	}
	if rel.Sequence != nil {
		r.Txn.DropSequence(rel.OID)
		return
	}
	if rel.RelKind == 'r' || rel.RelKind == 'm' {
		r.Txn.PutTable(rel.OID, nil)
	}
	r.Txn.DropStorage(rel.Storage)
}

func forced(n *pg.DropdbStmt) bool {
	for _, o := range n.Options {
		if o.GetDefElem().GetDefname() == "force" {
			return true
		}
	}
	return false
}

// notInUse fails when other sessions stay in a database. As PostgreSQL, it gives those that are about to leave some time.
func (r *runner) notInUse(d *catalog.Database, format string) {
	if r.DatabaseInUse == nil {
		return
	}
	n := r.DatabaseInUse(d.OID)
	for deadline := time.Now().Add(leaveTime); n > 0 && time.Now().Before(deadline); n = r.DatabaseInUse(d.OID) {
		select {
		case <-r.Ctx.Done():
			must(r.Ctx.Err())
		case <-time.After(leavePoll):
		}
	}
	switch {
	case n == 1:
		fail(pgerr.Newf(pgerr.ObjectInUse, format, d.Name).WithDetail("There is 1 other session using the database."))
	case n > 1:
		fail(pgerr.Newf(pgerr.ObjectInUse, format, d.Name).WithDetail("There are %d other sessions using the database.", n))
	}
}

func (r *runner) renameDatabase(old, name string) {
	d := r.needDatabase(old)
	r.mustOwnDatabase(d)
	if me := r.Overlay.Role(r.User); !r.isSuper() && (me == nil || !me.CreateDB) {
		failf(pgerr.InsufficientPrivilege, "permission denied to rename database")
	}
	if r.Overlay.DatabaseByName(name) != nil {
		failf(pgerr.DuplicateDatabase, "database \"%s\" already exists", name)
	}
	if d.OID == r.Database {
		failf(pgerr.FeatureNotSupported, "current database cannot be renamed")
	}
	r.notInUse(d, "database \"%s\" is being accessed by other users")
	c := *d
	c.Name = name
	r.Overlay.Put(&c)
}

// alterDatabase is ALTER DATABASE with options.
func (r *runner) alterDatabase(n *pg.AlterDatabaseStmt) {
	d := *r.needDatabase(n.Dbname)
	r.mustOwnDatabase(&d)
	for _, o := range n.Options {
		e := o.GetDefElem()
		switch e.Defname {
		case "is_template", "allow_connections", "connection_limit", "tablespace":
			r.databaseOption(&d, e)
		default:
			fail(pgerr.Newf(pgerr.SyntaxError, "option \"%s\" not recognized", e.Defname).At(int(e.Location)))
		}
	}
	if !d.AllowConn && d.OID == r.Database {
		failf(pgerr.InvalidParameterValue, "cannot disallow connections for current database")
	}
	r.Overlay.Put(&d)
}

// alterDatabaseSet is ALTER DATABASE ... SET.
func (r *runner) alterDatabaseSet(n *pg.AlterDatabaseSetStmt) {
	d := r.needDatabase(n.Dbname)
	r.mustOwnDatabase(d)
	r.setting(d.OID, 0, n.Setstmt)
}

// alterRoleSet is ALTER ROLE ... [IN DATABASE ...] SET.
func (r *runner) alterRoleSet(n *pg.AlterRoleSetStmt) {
	var role, db types.OID
	if n.Role != nil {
		d := r.roleSpec(n.Role)
		role = d.OID
		if d.OID != r.User {
			r.mayManageRoles(d, nil, "alter")
		}
	} else if !r.isSuper() {
		failf(pgerr.InsufficientPrivilege, "must be superuser to alter settings globally")
	}
	if n.Database != "" {
		db = r.needDatabase(n.Database).OID
	}
	r.setting(db, role, n.Setstmt)
}

// setting changes a row of pg_db_role_setting.
func (r *runner) setting(db, role types.OID, n *pg.VariableSetStmt) {
	var s *catalog.Setting
	for _, x := range r.Overlay.Settings() {
		if x.Database == db && x.Role == role {
			c := *x
			s = &c
		}
	}
	isNew := s == nil
	if isNew {
		s = &catalog.Setting{Header: catalog.Header{OID: r.oid(), Database: db}, Role: role}
	}
	name := settingName(n.Name)
	values := slices.DeleteFunc(slices.Clone(s.Values), func(v string) bool { return strings.HasPrefix(v, name+"=") })
	switch n.Kind {
	case pg.VariableSetKind_VAR_SET_VALUE:
		s.Values = append(values, name+"="+settingValue(name, n.Args))
	case pg.VariableSetKind_VAR_SET_CURRENT:
		var v string
		_, err := r.RunSQL("SELECT pg_catalog.current_setting($1)", []types.Datum{types.Str(name)}, []types.OID{types.OIDText}, func(row []types.Datum) error {
			v = row[0].S
			return nil
		})
		must(err)
		s.Values = append(values, name+"="+v)
	case pg.VariableSetKind_VAR_RESET_ALL:
		s.Values = nil
	default:
		s.Values = values
	}
	switch {
	case len(s.Values) > 0:
		r.Overlay.Put(s)
	case !isNew:
		r.Overlay.Delete(s)
	}
}

// settingNames give settings whose names have capitals their spelling.
var settingNames = map[string]string{"timezone": "TimeZone", "datestyle": "DateStyle", "intervalstyle": "IntervalStyle"}

func settingName(s string) string {
	l := strings.ToLower(s)
	if n := settingNames[l]; n != "" {
		return n
	}
	return l
}

// settingValue joins the values of SET; those of a list of names are quoted where needed.
func settingValue(name string, args []*pg.Node) string {
	var out []string
	for _, a := range args {
		v := nodeText(a)
		if len(args) > 1 || name == "search_path" || name == "temp_tablespaces" {
			v = quote(v)
		}
		out = append(out, v)
	}
	return strings.Join(out, ", ")
}

// createExtension is CREATE EXTENSION: those that are built in are accepted.
func (r *runner) createExtension(n *pg.CreateExtensionStmt) {
	if slices.ContainsFunc(r.Overlay.Extensions(), func(e *catalog.Extension) bool { return e.Name == n.Extname }) || n.Extname == "plpgsql" {
		if !n.IfNotExists {
			failf(pgerr.DuplicateObject, "extension \"%s\" already exists", n.Extname)
		}
		e := pgerr.Notice("extension \"%s\" already exists, skipping", n.Extname)
		e.Code = pgerr.DuplicateObject
		r.note(e)
		return
	}
	release := map[string]string{"pg_stat_statements": "1.10"}[n.Extname]
	if release == "" {
		fail(pgerr.Newf(pgerr.FeatureNotSupported, "extension \"%s\" is not available", n.Extname).
			WithHint("The extension must first be installed on the system where PostgreSQL is running."))
	}
	schema := types.OID(0)
	for _, o := range n.Options {
		if e := o.GetDefElem(); e.Defname == "schema" {
			schema = r.needSchema(nodeText(e.Arg)).OID
		}
	}
	if schema == 0 {
		schema = r.creationSchema()
	}
	r.Overlay.Put(&catalog.Extension{
		Header: catalog.Header{OID: r.oid(), Database: r.Database, Name: n.Extname, Owner: r.User}, Schema: schema, Release: release, Relocatable: true,
	})
}
