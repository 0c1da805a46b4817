package catalog

import (
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// OIDs of the objects that every cluster has.
const (
	PgCatalogOID         types.OID = 11
	PgToastOID           types.OID = 99
	PublicSchemaOID      types.OID = 2200 // of database postgres; other databases have a public schema with an OID of their own
	InformationSchemaOID types.OID = 13207
	KimberliteOID        types.OID = 15000

	Template1OID types.OID = 1
	Template0OID types.OID = 4
	PostgresOID  types.OID = 5

	SuperuserOID      types.OID = 10
	RoleDatabaseOwner types.OID = 6171
	RoleReadAllData   types.OID = 6181
	RoleWriteAllData  types.OID = 6182
	RoleMonitor       types.OID = 3373
	RoleReadSettings  types.OID = 3374
	RoleReadAllStats  types.OID = 3375
	RoleSignalBackend types.OID = 4200

	DefaultTablespaceOID types.OID = 1663
	GlobalTablespaceOID  types.OID = 1664

	publicOfTemplate1 types.OID = 15010
	publicOfTemplate0 types.OID = 15011

	// DefaultCollationOID is the collation of the database, COLLATE "default".
	DefaultCollationOID types.OID = 100
	CCollationOID       types.OID = 950

	encodingUTF8 = 6
)

// builtinSchemas exist in every database and cannot change.
var builtinSchemas = []*Schema{
	{Header{OID: PgCatalogOID, Name: "pg_catalog", Owner: SuperuserOID, ACL: readableSchema}},
	{Header{OID: PgToastOID, Name: "pg_toast", Owner: SuperuserOID}},
	{Header{OID: InformationSchemaOID, Name: "information_schema", Owner: SuperuserOID, ACL: readableSchema}},
	{Header{OID: KimberliteOID, Name: "kimberlite", Owner: SuperuserOID, ACL: readableSchema}},
}

var readableSchema = []ACLItem{
	{Grantee: SuperuserOID, Grantor: SuperuserOID, Privs: AllSchema},
	{Grantor: SuperuserOID, Privs: PrivUsage},
}

func builtinSchema(oid types.OID) *Schema {
	for _, s := range builtinSchemas {
		if s.OID == oid {
			return s
		}
	}
	return nil
}

// Bootstrap returns the operations that make the catalog of a new cluster: databases, schemas, roles and tablespaces as initdb leaves them.
func Bootstrap() []Op {
	var ops []Op
	add := func(d Descriptor) { ops = append(ops, Put(d)) }

	for _, r := range bootstrapRoles {
		add(&Role{Header: Header{OID: r.oid, Name: r.name}, Inherit: true, ConnLimit: -1, MemberOf: r.memberOf})
	}
	add(&Role{Header: Header{OID: SuperuserOID, Name: "postgres"}, Super: true, Inherit: true, CreateRole: true, CreateDB: true, Login: true,
		Replication: true, BypassRLS: true, ConnLimit: -1})
	add(&Tablespace{Header: Header{OID: DefaultTablespaceOID, Name: "pg_default", Owner: SuperuserOID}})
	add(&Tablespace{Header: Header{OID: GlobalTablespaceOID, Name: "pg_global", Owner: SuperuserOID}})

	template := []ACLItem{
		{Grantor: SuperuserOID, Privs: PrivConnect},
		{Grantee: SuperuserOID, Grantor: SuperuserOID, Privs: AllDatabase},
	}
	add(newDatabase(Template1OID, "template1", SuperuserOID, func(d *Database) { d.IsTemplate, d.ACL = true, template }))
	add(newDatabase(Template0OID, "template0", SuperuserOID, func(d *Database) { d.IsTemplate, d.AllowConn, d.ACL = true, false, template }))
	add(newDatabase(PostgresOID, "postgres", SuperuserOID, nil))
	for _, c := range []struct {
		oid  types.OID
		db   types.OID
		text string
	}{
		{15020, Template1OID, "default template for new databases"},
		{15021, Template0OID, "unmodifiable empty database"},
		{15022, PostgresOID, "default administrative connection database"},
	} {
		add(&Comment{Header: Header{OID: c.oid}, Class: ClassDatabase, Object: c.db, Text: c.text})
	}
	for i, s := range []struct{ oid, db types.OID }{
		{PublicSchemaOID, PostgresOID}, {publicOfTemplate1, Template1OID}, {publicOfTemplate0, Template0OID},
	} {
		add(newPublicSchema(s.oid, s.db))
		add(&Comment{Header: Header{OID: types.OID(15030 + i), Database: s.db}, Class: ClassSchema, Object: s.oid, Text: "standard public schema"})
	}
	return ops
}

var bootstrapRoles = []struct {
	oid      types.OID
	name     string
	memberOf []Membership
}{
	{RoleDatabaseOwner, "pg_database_owner", nil},
	{RoleReadAllData, "pg_read_all_data", nil},
	{RoleWriteAllData, "pg_write_all_data", nil},
	{RoleMonitor, "pg_monitor", []Membership{{Role: RoleReadSettings, Grantor: SuperuserOID}, {Role: RoleReadAllStats, Grantor: SuperuserOID}, {Role: 3377, Grantor: SuperuserOID}}},
	{RoleReadSettings, "pg_read_all_settings", nil},
	{RoleReadAllStats, "pg_read_all_stats", nil},
	{3377, "pg_stat_scan_tables", nil},
	{4569, "pg_read_server_files", nil},
	{4570, "pg_write_server_files", nil},
	{4571, "pg_execute_server_program", nil},
	{RoleSignalBackend, "pg_signal_backend", nil},
	{4544, "pg_checkpoint", nil},
}

func newDatabase(oid types.OID, name string, owner types.OID, change func(*Database)) *Database {
	d := &Database{Header: Header{OID: oid, Name: name, Owner: owner}, Encoding: encodingUTF8, Collate: "C", CType: "C", AllowConn: true, ConnLimit: -1}
	if change != nil {
		change(d)
	}
	return d
}

func newPublicSchema(oid, db types.OID) *Schema {
	return &Schema{Header{OID: oid, Database: db, Name: "public", Owner: RoleDatabaseOwner, ACL: []ACLItem{
		{Grantee: RoleDatabaseOwner, Grantor: RoleDatabaseOwner, Privs: AllSchema},
		{Grantor: RoleDatabaseOwner, Privs: PrivUsage},
	}}}
}

// NewDatabase returns the operations of CREATE DATABASE with what a template without user objects gives. A template that has relations or types of its own
// is refused: stored expressions name objects by OID and cannot be copied yet.
func NewDatabase(s *Snapshot, alloc OIDAllocator, d *Database, template types.OID) ([]Op, error) {
	t := s.Bind(template)
	if len(t.Relations(0)) > 0 || len(t.Types()) > 0 {
		e := pgerr.Newf(pgerr.FeatureNotSupported, "cannot copy a template database that contains relations or types")
		e.Hint = "Use template0 or an empty database as the template, and pg_dump to copy objects."
		return nil, e
	}
	ops := []Op{Put(d)}
	copied := map[types.OID]types.OID{}
	for _, n := range t.Schemas() {
		if n.Database != template {
			continue
		}
		c := *n
		c.OID, c.Database = alloc.NewOID(), d.OID
		copied[n.OID] = c.OID
		ops = append(ops, Put(&c))
	}
	for _, m := range t.Comments() {
		if to := copied[m.Object]; m.Database == template && m.Class == ClassSchema && to != 0 {
			c := *m
			c.OID, c.Database, c.Object = alloc.NewOID(), d.OID, to
			ops = append(ops, Put(&c))
		}
	}
	return ops, nil
}
