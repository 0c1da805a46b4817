package catalog

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"

	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// Short ways to make the values of catalog columns.

func oidDatum(o types.OID) types.Datum { return types.Int(int64(o)) }

func charDatum(c byte) types.Datum { return types.Int(int64(c)) }

func floatDatum(f float64) types.Datum { return types.Int(int64(math.Float64bits(f))) }

// textOrNull is NULL for the empty text.
func textOrNull(s string) types.Datum {
	if s == "" {
		return types.NullDatum
	}
	return types.Str(s)
}

// timeOrNull is NULL for 0.
func timeOrNull(t int64) types.Datum {
	if t == 0 {
		return types.NullDatum
	}
	return types.Int(t)
}

func textArray(list []string) types.Datum { return stringArray(types.OIDText, list) }

func textArrayOrNull(list []string) types.Datum {
	if list == nil {
		return types.NullDatum
	}
	return textArray(list)
}

func stringArray(elem types.OID, list []string) types.Datum {
	vals := make([]types.Datum, len(list))
	for i, s := range list {
		vals[i] = types.Str(s)
	}
	return types.Str(types.MakeArray(nil, elem, vals...))
}

func intArray(elem types.OID, list []int) types.Datum {
	vals := make([]types.Datum, len(list))
	for i, n := range list {
		vals[i] = types.Int(int64(n))
	}
	return types.Str(types.MakeArray(nil, elem, vals...))
}

func oidArray(list []types.OID) types.Datum {
	vals := make([]types.Datum, len(list))
	for i, n := range list {
		vals[i] = oidDatum(n)
	}
	return types.Str(types.MakeArray(nil, types.OIDOid, vals...))
}

func int2vector(list ...int64) types.Datum {
	return types.Str(types.MakeVector(types.OIDInt2, list...))
}

func oidvector(list ...types.OID) types.Datum {
	vals := make([]int64, len(list))
	for i, o := range list {
		vals[i] = int64(o)
	}
	return types.Str(types.MakeVector(types.OIDOid, vals...))
}

func aclArray(e *Env, acl []ACLItem, column string) types.Datum {
	if acl == nil {
		return types.NullDatum
	}
	var list []string
	for _, a := range acl {
		if a.Columns == column {
			list = append(list, ACLText(e.Reader, a))
		}
	}
	if column != "" && list == nil {
		return types.NullDatum
	}
	return stringArray(types.OIDAclitem, list)
}

// parsedArray reads an array's text form; NULL when it is malformed or the text is NULL.
func parsedArray(typ types.OID, s string, null bool) types.Datum {
	if null {
		return types.NullDatum
	}
	d, err := types.In(nil, types.Of(typ), s)
	if err != nil {
		return types.NullDatum
	}
	return d
}

// textDatum parses the text form of a value of a built-in type; NULL when it is empty or malformed.
func textDatum(typ types.OID, s string) types.Datum { return parsedArray(typ, s, s == "") }

func itoa(n int) string { return strconv.Itoa(n) }

// Values of type pg_node_tree hold what pg_get_expr needs: {TREE base64} for a stored expression, a list of those, or {SQL text} for built-in
// objects, whose expressions are known as text.
const (
	nodeTreePrefix = "{TREE "
	nodeSQLPrefix  = "{SQL "
)

// NodeTree is the pg_node_tree form of stored expressions (a list for index keys).
func NodeTree(encoded ...[]byte) string {
	var b strings.Builder
	for _, e := range encoded {
		b.WriteString(nodeTreePrefix)
		b.WriteString(base64.StdEncoding.EncodeToString(e))
		b.WriteByte('}')
	}
	return b.String()
}

// SQLNode is the pg_node_tree form of an expression known as text.
func SQLNode(text string) string { return nodeSQLPrefix + text + "}" }

// ParseNodeTree reads a pg_node_tree: either stored expressions or SQL text.
func ParseNodeTree(s string) (encoded [][]byte, text string, ok bool) {
	if rest, found := strings.CutPrefix(s, nodeSQLPrefix); found && strings.HasSuffix(rest, "}") {
		return nil, rest[:len(rest)-1], true
	}
	for s != "" {
		rest, found := strings.CutPrefix(s, nodeTreePrefix)
		end := strings.IndexByte(rest, '}')
		if !found || end < 0 {
			return nil, "", false
		}
		b, err := base64.StdEncoding.DecodeString(rest[:end])
		if err != nil {
			return nil, "", false
		}
		encoded = append(encoded, b)
		s = rest[end+1:]
	}
	return encoded, "", len(encoded) > 0
}

// DecodeNodeTree reads the expressions of a pg_node_tree.
func DecodeNodeTree(s string) (exprs []tree.Expr, text string, ok bool) {
	encoded, text, ok := ParseNodeTree(s)
	for _, b := range encoded {
		e, err := tree.Decode(b)
		if err != nil {
			return nil, "", false
		}
		exprs = append(exprs, e)
	}
	return exprs, text, ok
}

func nodeDatum(encoded ...[]byte) types.Datum {
	if len(encoded) == 0 || encoded[0] == nil {
		return types.NullDatum
	}
	return types.Str(NodeTree(encoded...))
}
