package admin

import (
	"fmt"

	"kimberlite/projections"
	"kimberlite/sql/catalog"
)

// kindNames are the kinds of descriptors in words.
var kindNames = map[catalog.Kind]string{
	catalog.KindDatabase: "database", catalog.KindSchema: "schema", catalog.KindRelation: "relation", catalog.KindType: "type", catalog.KindRole: "role",
	catalog.KindComment: "comment", catalog.KindCast: "cast", catalog.KindFunction: "function", catalog.KindSetting: "setting",
	catalog.KindStatistics: "statistics", catalog.KindTablespace: "tablespace", catalog.KindExtension: "extension", catalog.KindDefaultACL: "default privileges",
}

// catalogText says what a catalog operation does.
func catalogText(op projections.CatalogOp) string {
	kind, ok := kindNames[catalog.Kind(op.Kind)]
	if !ok {
		kind = fmt.Sprintf("kind(%d)", op.Kind)
	}
	if op.Deleted {
		return fmt.Sprintf("catalog: delete %s %d", kind, op.OID)
	}
	if d, err := catalog.FromLog(op); err == nil && d.Desc != nil && d.Desc.Head().Name != "" {
		return fmt.Sprintf("catalog: put %s %d %q (%d bytes)", kind, op.OID, d.Desc.Head().Name, len(op.Data))
	}
	return fmt.Sprintf("catalog: put %s %d (%d bytes)", kind, op.OID, len(op.Data))
}
