package deparse

import (
	"strings"

	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// Call answers the pg_get_* functions and their kin by kind: viewdef, indexdef, constraintdef, ruledef, triggerdef, expr, partkeydef, partition_constraintdef,
// function_arguments, function_identity_arguments, function_result, functiondef, function_sqlbody, function_arg_default, serial_sequence (text is table, a zero byte,
// column), statisticsobjdef and so on, describe (text is the class, sub the part), visible:table and so on (the answer is t or f). ok false is SQL's NULL.
func Call(b *catalog.Bound, kind string, oid types.OID, sub int, text string, pretty bool) (out string, ok bool, err error) {
	flags := Plain
	if pretty {
		flags = Pretty
	}
	if what, found := strings.CutPrefix(kind, "visible:"); found {
		out, ok = visible(b, what, oid)
		return out, ok, nil
	}
	switch kind {
	case "viewdef":
		out, ok = ViewDef(b, oid, flags, 0)
	case "indexdef":
		if !pretty && sub == 0 {
			flags = 0
		}
		out, ok = IndexDef(b, oid, sub, flags)
		if !ok && sub != 0 { // a column that is not there
			r := b.Relation(oid)
			ok = r != nil && r.Index != nil
		}
	case "constraintdef":
		out, ok = ConstraintDef(b, oid, flags)
	case "ruledef":
		out, ok = RuleDef(b, oid, flags)
	case "expr":
		out, ok = NodeTree(b, text, oid, flags)
	case "partkeydef":
		out, ok = PartKeyDef(b, oid)
	case "serial_sequence":
		table, column, _ := strings.Cut(text, "\x00")
		return SerialSequence(b, table, column)
	case "describe":
		class := types.OID(0)
		for _, c := range text {
			class = class*10 + types.OID(c-'0')
		}
		out, ok = Describe(b, class, oid, sub)
	case "function_arguments", "function_identity_arguments", "function_result", "functiondef", "function_sqlbody", "function_arg_default":
		out, ok, err = function(b, kind, oid, sub)
	}
	return out, ok, err
}

func function(b *catalog.Bound, kind string, oid types.OID, sub int) (out string, ok bool, err error) {
	f := b.Proc(oid)
	if f == nil {
		return "", false, nil
	}
	switch kind {
	case "function_arguments":
		return Arguments(b, f, true), true, nil
	case "function_identity_arguments":
		return Arguments(b, f, false), true, nil
	case "function_result":
		out, ok = Result(b, f)
	case "functiondef":
		if f.Kind == 'a' {
			return "", false, pgerr.Newf(pgerr.WrongObjectType, "\"%s\" is an aggregate function", f.Name)
		}
		return FunctionDef(b, f), true, nil
	case "function_sqlbody":
		out, ok = SQLBody(b, f)
	case "function_arg_default":
		out, ok = ArgDefault(b, f, sub)
	}
	return out, ok, nil
}

// visible answers pg_*_is_visible; ok is false when there is no such object.
func visible(b *catalog.Bound, what string, oid types.OID) (string, bool) {
	is, exists := false, true
	switch what {
	case "table":
		is, exists = b.RelationVisible(oid), b.Relation(oid) != nil
	case "type":
		is, exists = b.TypeVisible(oid), b.TypeByOID(oid) != nil
	case "function":
		is, exists = b.FunctionVisible(oid), b.Proc(oid) != nil
	case "operator":
		is, exists = b.OperatorVisible(oid), b.Operator(oid) != nil
	case "collation":
		is, exists = b.CollationVisible(oid), b.Collation(oid) != nil
	default: // the rest only exist in pg_catalog
		is, exists = oid < catalog.FirstNormalOID, oid < catalog.FirstNormalOID && oid != 0
	}
	if !exists {
		return "", false
	}
	if is {
		return "t", true
	}
	return "f", true
}

// PartKeyDef prints the partition key of a table, as pg_get_partkeydef; ok is false for a table that has none.
func PartKeyDef(b *catalog.Bound, oid types.OID) (string, bool) {
	r := b.Relation(oid)
	if r == nil || r.Partition == nil || r.Partition.Strategy == 0 {
		return "", false
	}
	var s strings.Builder
	switch r.Partition.Strategy {
	case 'h':
		s.WriteString("HASH (")
	case 'l':
		s.WriteString("LIST (")
	default:
		s.WriteString("RANGE (")
	}
	for i := range r.Partition.Keys {
		k := &r.Partition.Keys[i]
		if i > 0 {
			s.WriteString(", ")
		}
		if k.Att > 0 && k.Att <= len(r.Columns) {
			s.WriteString(catalog.QuoteIdent(r.Columns[k.Att-1].Name))
		} else if e := stored(k.Expr); e != nil {
			text := Expression(b, e, r, Plain)
			if !looksLikeFunction(e) {
				text = "(" + text + ")"
			}
			s.WriteString(text)
		}
	}
	return s.String() + ")", true
}

// SerialSequence answers pg_get_serial_sequence: the sequence that a column owns (SERIAL, IDENTITY), with its schema, quoted; ok is false when there is none.
func SerialSequence(b *catalog.Bound, table, column string) (string, bool, error) {
	parts, err := ParseName(table)
	if err != nil {
		return "", false, err
	}
	r, err := findRelation(b, parts)
	if err != nil {
		return "", false, err
	}
	att := 0
	for i := range r.Columns {
		if r.Columns[i].Name == column && !r.Columns[i].Dropped {
			att = i + 1
		}
	}
	if att == 0 {
		return "", false, pgerr.Newf(pgerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", column, table)
	}
	var found *catalog.Relation
	b.EachDependent(catalog.ClassRelation, r.OID, att, func(e catalog.Edge) {
		if s := b.Relation(e.OID); e.Class == catalog.ClassRelation && s != nil && s.Sequence != nil && found == nil {
			found = s
		}
	})
	if found == nil {
		return "", false, nil
	}
	return b.QualifiedName(found), true, nil
}

// findRelation looks a relation up by a qualified or unqualified name.
func findRelation(b *catalog.Bound, parts []string) (*catalog.Relation, error) {
	name := parts[len(parts)-1]
	if len(parts) == 3 {
		if d := b.DatabaseByName(parts[0]); d == nil || d.OID != b.DatabaseOID() {
			return nil, pgerr.Newf(pgerr.FeatureNotSupported, "cross-database references are not implemented: %s", strings.Join(parts, "."))
		}
		parts = parts[1:]
	}
	if len(parts) == 2 {
		s := b.SchemaByName(parts[0])
		if s == nil {
			return nil, pgerr.Newf(pgerr.InvalidSchemaName, "schema \"%s\" does not exist", parts[0])
		}
		if r := b.RelationByName(s.OID, name); r != nil {
			return r, nil
		}
	} else {
		for _, s := range b.SearchPath() {
			if r := b.RelationByName(s, name); r != nil {
				return r, nil
			}
		}
	}
	return nil, pgerr.Newf(pgerr.UndefinedTable, "relation \"%s\" does not exist", strings.Join(parts, "."))
}

// ParseName splits a name as SQL writes it, "Quoted".plain, folding what is not quoted to lower case.
func ParseName(s string) ([]string, error) {
	invalid := pgerr.New(pgerr.InvalidName, "invalid name syntax")
	var parts []string
	rest := strings.TrimSpace(s)
	for {
		var part string
		if strings.HasPrefix(rest, `"`) {
			var q strings.Builder
			i := 1
			for {
				if i >= len(rest) {
					return nil, invalid
				}
				if rest[i] == '"' {
					if i+1 < len(rest) && rest[i+1] == '"' {
						q.WriteByte('"')
						i += 2
						continue
					}
					break
				}
				q.WriteByte(rest[i])
				i++
			}
			part, rest = q.String(), strings.TrimSpace(rest[i+1:])
			if part == "" {
				return nil, invalid
			}
		} else {
			i := strings.IndexAny(rest, ". \t\n")
			if i < 0 {
				i = len(rest)
			}
			part, rest = strings.ToLower(rest[:i]), strings.TrimSpace(rest[i:])
			if part == "" {
				return nil, invalid
			}
		}
		parts = append(parts, truncate(part, 63))
		if rest == "" {
			break
		}
		if rest[0] != '.' {
			return nil, invalid
		}
		rest = strings.TrimSpace(rest[1:])
	}
	if len(parts) > 3 {
		return nil, pgerr.Newf(pgerr.SyntaxError, "improper relation name (too many dotted names): %s", strings.Join(parts, "."))
	}
	return parts, nil
}

// Deparser implements catalog.Deparser in plain style.
type Deparser struct{}

var _ catalog.Deparser = Deparser{}

// Expr implements catalog.Deparser.
func (Deparser) Expr(b *catalog.Bound, encoded []byte, rel types.OID) string {
	e := stored(encoded)
	if e == nil {
		return ""
	}
	return Expression(b, e, b.Relation(rel), Plain)
}

// ViewDef implements catalog.Deparser.
func (Deparser) ViewDef(b *catalog.Bound, view types.OID) string {
	s, _ := ViewDef(b, view, Plain, 0)
	return s
}

// IndexDef implements catalog.Deparser.
func (Deparser) IndexDef(b *catalog.Bound, index types.OID) string {
	s, _ := IndexDef(b, index, 0, 0)
	return s
}

// ConstraintDef implements catalog.Deparser.
func (Deparser) ConstraintDef(b *catalog.Bound, constraint types.OID) string {
	s, _ := ConstraintDef(b, constraint, Plain)
	return s
}

// RuleDef implements catalog.Deparser.
func (Deparser) RuleDef(b *catalog.Bound, rule types.OID) string {
	s, _ := RuleDef(b, rule, Plain)
	return s
}
