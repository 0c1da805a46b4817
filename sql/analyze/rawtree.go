package analyze

import (
	"strings"

	pg "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// openParen is the offset of the parenthesis before a subquery, -1 when it cannot be found: the tree does not keep it.
func (a *analyzer) openParen(sub *pg.Node) int {
	first := firstLocation(sub.ProtoReflect())
	if a.stmt == nil || first < 0 {
		return -1
	}
	before := int(first) - a.stmt.Location
	if before <= 0 || before > len(a.stmt.Text) {
		return -1
	}
	text := strings.ToLower(a.stmt.Text[:before])
	word := max(strings.LastIndex(text, "select"), strings.LastIndex(text, "values"), strings.LastIndex(text, "with"))
	if word < 0 {
		return -1
	}
	paren := strings.LastIndexByte(text[:word], '(')
	if paren < 0 {
		return -1
	}
	return paren + a.stmt.Location
}

// firstLocation is the smallest location in a raw parse tree, -1 for none.
func firstLocation(m protoreflect.Message) int32 {
	first := int32(-1)
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.Name() == "location" && fd.Kind() == protoreflect.Int32Kind:
			first = leftmost(first, int32(v.Int()))
		case fd.Kind() != protoreflect.MessageKind:
		case fd.IsList():
			for i := 0; i < v.List().Len(); i++ {
				first = leftmost(first, firstLocation(v.List().Get(i).Message()))
			}
		default:
			first = leftmost(first, firstLocation(v.Message()))
		}
		return true
	})
	return first
}
