package ddl

import pg "github.com/pganalyze/pg_query_go/v5"

// objectWords name the kinds of object as command tags do.
var objectWords = map[pg.ObjectType]string{
	pg.ObjectType_OBJECT_ACCESS_METHOD: "ACCESS METHOD", pg.ObjectType_OBJECT_AGGREGATE: "AGGREGATE", pg.ObjectType_OBJECT_ATTRIBUTE: "TYPE",
	pg.ObjectType_OBJECT_CAST: "CAST", pg.ObjectType_OBJECT_COLLATION: "COLLATION", pg.ObjectType_OBJECT_COLUMN: "TABLE",
	pg.ObjectType_OBJECT_CONVERSION: "CONVERSION", pg.ObjectType_OBJECT_DATABASE: "DATABASE", pg.ObjectType_OBJECT_DOMAIN: "DOMAIN",
	pg.ObjectType_OBJECT_DOMCONSTRAINT: "DOMAIN", pg.ObjectType_OBJECT_EVENT_TRIGGER: "EVENT TRIGGER", pg.ObjectType_OBJECT_EXTENSION: "EXTENSION",
	pg.ObjectType_OBJECT_FDW: "FOREIGN DATA WRAPPER", pg.ObjectType_OBJECT_FOREIGN_SERVER: "SERVER", pg.ObjectType_OBJECT_FOREIGN_TABLE: "FOREIGN TABLE",
	pg.ObjectType_OBJECT_FUNCTION: "FUNCTION", pg.ObjectType_OBJECT_INDEX: "INDEX", pg.ObjectType_OBJECT_LANGUAGE: "LANGUAGE",
	pg.ObjectType_OBJECT_LARGEOBJECT: "LARGE OBJECT", pg.ObjectType_OBJECT_MATVIEW: "MATERIALIZED VIEW", pg.ObjectType_OBJECT_OPCLASS: "OPERATOR CLASS",
	pg.ObjectType_OBJECT_OPERATOR: "OPERATOR", pg.ObjectType_OBJECT_OPFAMILY: "OPERATOR FAMILY", pg.ObjectType_OBJECT_POLICY: "POLICY",
	pg.ObjectType_OBJECT_PROCEDURE: "PROCEDURE", pg.ObjectType_OBJECT_PUBLICATION: "PUBLICATION", pg.ObjectType_OBJECT_ROLE: "ROLE",
	pg.ObjectType_OBJECT_ROUTINE: "ROUTINE", pg.ObjectType_OBJECT_RULE: "RULE", pg.ObjectType_OBJECT_SCHEMA: "SCHEMA", pg.ObjectType_OBJECT_SEQUENCE: "SEQUENCE",
	pg.ObjectType_OBJECT_STATISTIC_EXT: "STATISTICS", pg.ObjectType_OBJECT_SUBSCRIPTION: "SUBSCRIPTION", pg.ObjectType_OBJECT_TABCONSTRAINT: "TABLE",
	pg.ObjectType_OBJECT_TABLE: "TABLE", pg.ObjectType_OBJECT_TABLESPACE: "TABLESPACE", pg.ObjectType_OBJECT_TRANSFORM: "TRANSFORM",
	pg.ObjectType_OBJECT_TRIGGER: "TRIGGER", pg.ObjectType_OBJECT_TSCONFIGURATION: "TEXT SEARCH CONFIGURATION", pg.ObjectType_OBJECT_TSDICTIONARY: "TEXT SEARCH DICTIONARY",
	pg.ObjectType_OBJECT_TSPARSER: "TEXT SEARCH PARSER", pg.ObjectType_OBJECT_TSTEMPLATE: "TEXT SEARCH TEMPLATE", pg.ObjectType_OBJECT_TYPE: "TYPE",
	pg.ObjectType_OBJECT_USER_MAPPING: "USER MAPPING", pg.ObjectType_OBJECT_VIEW: "VIEW",
}

func objectWord(t pg.ObjectType) string {
	if w := objectWords[t]; w != "" {
		return w
	}
	return "OBJECT"
}

// CommandName returns the name of a definition statement as its command tag and PostgreSQL's messages have it, "???" for one that is none.
func CommandName(stmt *pg.Node) string {
	switch n := stmt.GetNode().(type) {
	case *pg.Node_CreateStmt:
		return "CREATE TABLE"
	case *pg.Node_CreateTableAsStmt:
		switch {
		case n.CreateTableAsStmt.Objtype == pg.ObjectType_OBJECT_MATVIEW:
			return "CREATE MATERIALIZED VIEW"
		case n.CreateTableAsStmt.IsSelectInto:
			return "SELECT INTO"
		}
		return "CREATE TABLE AS"
	case *pg.Node_CreateFunctionStmt:
		if n.CreateFunctionStmt.IsProcedure {
			return "CREATE PROCEDURE"
		}
		return "CREATE FUNCTION"
	case *pg.Node_AlterFunctionStmt:
		return "ALTER " + objectWord(n.AlterFunctionStmt.Objtype)
	case *pg.Node_IndexStmt:
		return "CREATE INDEX"
	case *pg.Node_ViewStmt:
		return "CREATE VIEW"
	case *pg.Node_RefreshMatViewStmt:
		return "REFRESH MATERIALIZED VIEW"
	case *pg.Node_CreateSeqStmt:
		return "CREATE SEQUENCE"
	case *pg.Node_AlterSeqStmt:
		return "ALTER SEQUENCE"
	case *pg.Node_CreateSchemaStmt:
		return "CREATE SCHEMA"
	case *pg.Node_DropStmt:
		return "DROP " + objectWord(n.DropStmt.RemoveType)
	case *pg.Node_TruncateStmt:
		return "TRUNCATE TABLE"
	case *pg.Node_AlterTableStmt:
		return "ALTER " + objectWord(n.AlterTableStmt.Objtype)
	case *pg.Node_RenameStmt:
		t := n.RenameStmt.RenameType
		if t == pg.ObjectType_OBJECT_COLUMN || t == pg.ObjectType_OBJECT_ATTRIBUTE {
			t = n.RenameStmt.RelationType
		}
		return "ALTER " + objectWord(t)
	case *pg.Node_AlterObjectSchemaStmt:
		return "ALTER " + objectWord(n.AlterObjectSchemaStmt.ObjectType)
	case *pg.Node_AlterOwnerStmt:
		return "ALTER " + objectWord(n.AlterOwnerStmt.ObjectType)
	}
	return otherCommandName(stmt)
}

func otherCommandName(stmt *pg.Node) string {
	switch n := stmt.GetNode().(type) {
	case *pg.Node_CreateEnumStmt, *pg.Node_CompositeTypeStmt, *pg.Node_CreateRangeStmt:
		return "CREATE TYPE"
	case *pg.Node_AlterEnumStmt, *pg.Node_AlterTypeStmt:
		return "ALTER TYPE"
	case *pg.Node_CreateDomainStmt:
		return "CREATE DOMAIN"
	case *pg.Node_AlterDomainStmt:
		return "ALTER DOMAIN"
	case *pg.Node_CommentStmt:
		return "COMMENT"
	case *pg.Node_CreateRoleStmt:
		return "CREATE ROLE"
	case *pg.Node_AlterRoleStmt, *pg.Node_AlterRoleSetStmt:
		return "ALTER ROLE"
	case *pg.Node_DropRoleStmt:
		return "DROP ROLE"
	case *pg.Node_GrantStmt:
		return grantWord(n.GrantStmt.IsGrant, "")
	case *pg.Node_GrantRoleStmt:
		return grantWord(n.GrantRoleStmt.IsGrant, " ROLE")
	case *pg.Node_AlterDefaultPrivilegesStmt:
		return "ALTER DEFAULT PRIVILEGES"
	case *pg.Node_ReassignOwnedStmt:
		return "REASSIGN OWNED"
	case *pg.Node_DropOwnedStmt:
		return "DROP OWNED"
	case *pg.Node_CreatedbStmt:
		return "CREATE DATABASE"
	case *pg.Node_DropdbStmt:
		return "DROP DATABASE"
	case *pg.Node_AlterDatabaseStmt, *pg.Node_AlterDatabaseSetStmt:
		return "ALTER DATABASE"
	case *pg.Node_CreateExtensionStmt:
		return "CREATE EXTENSION"
	case *pg.Node_VacuumStmt:
		if n.VacuumStmt.IsVacuumcmd {
			return "VACUUM"
		}
		return "ANALYZE"
	case *pg.Node_ReindexStmt:
		return "REINDEX"
	case *pg.Node_ClusterStmt:
		return "CLUSTER"
	}
	if what, _ := refused(stmt); what != "" {
		return what
	}
	return "???"
}

func grantWord(grant bool, suffix string) string {
	if grant {
		return "GRANT" + suffix
	}
	return "REVOKE" + suffix
}

// NeedsNoBlock returns the name of a statement that cannot run inside a transaction block, as the error names it, and "" for all others.
func NeedsNoBlock(stmt *pg.Node) string {
	switch n := stmt.GetNode().(type) {
	case *pg.Node_CreatedbStmt:
		return "CREATE DATABASE"
	case *pg.Node_DropdbStmt:
		return "DROP DATABASE"
	case *pg.Node_AlterDatabaseStmt:
		for _, o := range n.AlterDatabaseStmt.Options {
			if o.GetDefElem().GetDefname() == "tablespace" {
				return "ALTER DATABASE SET TABLESPACE"
			}
		}
	case *pg.Node_CreateTableSpaceStmt:
		return "CREATE TABLESPACE"
	case *pg.Node_DropTableSpaceStmt:
		return "DROP TABLESPACE"
	case *pg.Node_IndexStmt:
		if n.IndexStmt.Concurrent {
			return "CREATE INDEX CONCURRENTLY"
		}
	case *pg.Node_DropStmt:
		if n.DropStmt.Concurrent {
			return "DROP INDEX CONCURRENTLY"
		}
	case *pg.Node_VacuumStmt:
		if n.VacuumStmt.IsVacuumcmd {
			return "VACUUM"
		}
	case *pg.Node_ReindexStmt:
		return reindexNoBlock(n.ReindexStmt)
	case *pg.Node_AlterSystemStmt:
		return "ALTER SYSTEM"
	case *pg.Node_ClusterStmt:
		if n.ClusterStmt.Relation == nil {
			return "CLUSTER"
		}
	}
	return ""
}

func reindexNoBlock(n *pg.ReindexStmt) string {
	for _, p := range n.Params {
		if p.GetDefElem().GetDefname() == "concurrently" {
			return "REINDEX CONCURRENTLY"
		}
	}
	switch n.Kind {
	case pg.ReindexObjectType_REINDEX_OBJECT_SCHEMA:
		return "REINDEX SCHEMA"
	case pg.ReindexObjectType_REINDEX_OBJECT_SYSTEM:
		return "REINDEX SYSTEM"
	case pg.ReindexObjectType_REINDEX_OBJECT_DATABASE:
		return "REINDEX DATABASE"
	}
	return ""
}

// refused names a statement that defines what Kimberlite does not have, with advice; "" for others.
func refused(stmt *pg.Node) (what, hint string) {
	const inApp = "Keep the logic in the application."
	switch n := stmt.GetNode().(type) {
	case *pg.Node_CreateTrigStmt:
		return "CREATE TRIGGER", "Use constraints, defaults and generated columns, or keep the logic in the application."
	case *pg.Node_RuleStmt:
		return "CREATE RULE", "Use views, or keep the logic in the application."
	case *pg.Node_DefineStmt:
		return "CREATE " + objectWord(n.DefineStmt.Kind), "Use the built-in ones."
	case *pg.Node_CreateCastStmt:
		return "CREATE CAST", "Use the built-in casts."
	case *pg.Node_CreateTransformStmt:
		return "CREATE TRANSFORM", inApp
	case *pg.Node_CreateConversionStmt:
		return "CREATE CONVERSION", "The server encoding is UTF8."
	case *pg.Node_CreateOpClassStmt:
		return "CREATE OPERATOR CLASS", "Use the built-in ones."
	case *pg.Node_CreateOpFamilyStmt, *pg.Node_AlterOpFamilyStmt:
		return "CREATE OPERATOR FAMILY", "Use the built-in ones."
	case *pg.Node_CreatePolicyStmt, *pg.Node_AlterPolicyStmt:
		return "CREATE POLICY", "Use views and privileges to restrict rows."
	case *pg.Node_CreatePublicationStmt, *pg.Node_AlterPublicationStmt:
		return "CREATE PUBLICATION", "Read the event log instead; see the documentation."
	case *pg.Node_CreateSubscriptionStmt, *pg.Node_AlterSubscriptionStmt, *pg.Node_DropSubscriptionStmt:
		return "CREATE SUBSCRIPTION", "Replication is built in; see the documentation."
	case *pg.Node_CreateEventTrigStmt, *pg.Node_AlterEventTrigStmt:
		return "CREATE EVENT TRIGGER", inApp
	case *pg.Node_CreatePlangStmt:
		return "CREATE LANGUAGE", inApp
	case *pg.Node_CreateFdwStmt, *pg.Node_AlterFdwStmt:
		return "CREATE FOREIGN DATA WRAPPER", "Copy the data with COPY."
	case *pg.Node_CreateForeignServerStmt, *pg.Node_AlterForeignServerStmt:
		return "CREATE SERVER", "Copy the data with COPY."
	case *pg.Node_CreateForeignTableStmt:
		return "CREATE FOREIGN TABLE", "Copy the data with COPY."
	case *pg.Node_CreateUserMappingStmt, *pg.Node_AlterUserMappingStmt, *pg.Node_DropUserMappingStmt:
		return "CREATE USER MAPPING", "Copy the data with COPY."
	case *pg.Node_ImportForeignSchemaStmt:
		return "IMPORT FOREIGN SCHEMA", "Copy the data with COPY."
	case *pg.Node_CreateAmStmt:
		return "CREATE ACCESS METHOD", "Use btree or hash."
	case *pg.Node_CreateStatsStmt, *pg.Node_AlterStatsStmt:
		return "CREATE STATISTICS", "ANALYZE collects statistics of single columns."
	case *pg.Node_CreateTableSpaceStmt, *pg.Node_DropTableSpaceStmt, *pg.Node_AlterTableSpaceOptionsStmt:
		return "CREATE TABLESPACE", "All data is in the data directory; leave TABLESPACE clauses out."
	case *pg.Node_AlterSystemStmt:
		return "ALTER SYSTEM", "Change the configuration file, or use ALTER DATABASE or ALTER ROLE ... SET."
	case *pg.Node_AlterTableMoveAllStmt:
		return "ALTER TABLE ALL IN TABLESPACE", "All data is in the data directory."
	case *pg.Node_AlterExtensionStmt, *pg.Node_AlterExtensionContentsStmt:
		return "ALTER EXTENSION", "The extensions are built in."
	case *pg.Node_AlterObjectDependsStmt:
		return "ALTER ... DEPENDS ON EXTENSION", "The extensions are built in."
	case *pg.Node_SecLabelStmt:
		return "SECURITY LABEL", "Use privileges."
	case *pg.Node_AlterCollationStmt:
		return "ALTER COLLATION", "Use the built-in collations."
	case *pg.Node_AlterOperatorStmt:
		return "ALTER OPERATOR", "Use the built-in operators."
	case *pg.Node_AlterTypeStmt:
		return "ALTER TYPE ... SET", "Base types are built in."
	case *pg.Node_AlterTsdictionaryStmt, *pg.Node_AlterTsconfigurationStmt:
		return "ALTER TEXT SEARCH", "Full text search configurations are built in."
	}
	return "", ""
}
