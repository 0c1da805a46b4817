package catalog

import "kimberlite/sql/types"

// extraRelations are the relations that PostgreSQL does not have (or has as extensions).
func extraRelations() []*Relation { return nil }

var _ types.OID
