package types

import (
	"cmp"
	"math"
	"strings"

	"kimberlite/sql/pgerr"
)

// jpItem is a value on the way: a jsonb value, or a date or time that .datetime() has made.
type jpItem struct {
	j Jsonb
	t OID   // OIDDate, OIDTime, ... for a date or time, else 0
	d Datum // its value
}

// jpResult says how a step went.
type jpResult uint8

const (
	jpNone  jpResult = iota // nothing found
	jpFound                 // something found
	jpError                 // an error; jpExec.err has it if errors are thrown
)

// jpTruth is the value of a condition.
type jpTruth uint8

const (
	jpFalse jpTruth = iota
	jpTrue
	jpUnknown
)

// jpExec evaluates one path over one value.
type jpExec struct {
	ctx    *Ctx
	path   *JSONPath
	vars   Jsonb // an object, or "" for none
	root   Jsonb
	useTZ  bool // conversions may use the session's time zone
	throw  bool // an error ends the evaluation; otherwise it is only known to have happened
	ignore bool // structural errors find nothing
	array  int  // the size of the innermost array that is subscripted, for last
	cur    jpItem
	depth  int
	err    error
}

// JSONPathQuery returns the items that the path finds (jsonb_path_query). vars is an object or empty; silent suppresses
// errors, after which what was found before is returned. useTZ is for the functions with _tz.
func JSONPathQuery(ctx *Ctx, target Jsonb, path *JSONPath, vars Jsonb, silent, useTZ bool) ([]Jsonb, error) {
	ex, err := newJPExec(ctx, target, path, vars, silent, useTZ)
	if err != nil {
		return nil, err
	}
	var found []jpItem
	ex.item(path.root, jpItem{j: target}, &found)
	if ex.err != nil {
		return nil, ex.err
	}
	out := make([]Jsonb, len(found))
	for i, it := range found {
		out[i] = it.jsonb()
	}
	return out, nil
}

// JSONPathExists is jsonb_path_exists and @?; NULL after a suppressed error.
func JSONPathExists(ctx *Ctx, target Jsonb, path *JSONPath, vars Jsonb, silent, useTZ bool) (Datum, error) {
	ex, err := newJPExec(ctx, target, path, vars, silent, useTZ)
	if err != nil {
		return NullDatum, err
	}
	var res jpResult
	if !path.lax {
		// All items, to be sure that there is no error.
		var found []jpItem
		if res = ex.item(path.root, jpItem{j: target}, &found); res != jpError {
			res = jpNone
			if len(found) > 0 {
				res = jpFound
			}
		}
	} else {
		res = ex.item(path.root, jpItem{j: target}, nil)
	}
	if ex.err != nil {
		return NullDatum, ex.err
	}
	if res == jpError {
		return NullDatum, nil
	}
	return Bool(res == jpFound), nil
}

// JSONPathMatch is jsonb_path_match and @@: the path's one result, a boolean, or NULL.
func JSONPathMatch(ctx *Ctx, target Jsonb, path *JSONPath, vars Jsonb, silent, useTZ bool) (Datum, error) {
	found, err := JSONPathQuery(ctx, target, path, vars, silent, useTZ)
	if err != nil {
		return NullDatum, err
	}
	if len(found) == 1 {
		switch found[0].Kind() {
		case JSONBoolean:
			return Bool(found[0].Bool()), nil
		case JSONNull:
			return NullDatum, nil
		}
	}
	if !silent {
		return NullDatum, pgerr.New(pgerr.SingletonSqlJsonItemRequired, "single boolean result is expected")
	}
	return NullDatum, nil
}

func newJPExec(ctx *Ctx, target Jsonb, path *JSONPath, vars Jsonb, silent, useTZ bool) (*jpExec, error) {
	if vars != "" && !vars.IsObject() {
		return nil, pgerr.New(pgerr.InvalidParameterValue, "\"vars\" argument is not an object").
			WithDetail("Jsonpath parameters should be encoded as key-value pairs of \"vars\" object.")
	}
	return &jpExec{ctx: orDefault(ctx), path: path, vars: vars, root: target, useTZ: useTZ, throw: !silent, ignore: path.lax, array: -1,
		cur: jpItem{j: target}}, nil
}

// jsonb returns the item as a jsonb value; dates and times are strings.
func (it jpItem) jsonb() Jsonb {
	if it.t == 0 {
		return it.j
	}
	var b JsonbBuilder
	b.String(string(it.text(nil)))
	return b.Finish()
}

func (ex *jpExec) fail(code, format string, args ...any) jpResult {
	if ex.throw && ex.err == nil {
		ex.err = pgerr.Newf(code, format, args...)
	}
	return jpError
}

// failWith passes on an error from below.
func (ex *jpExec) failWith(err error) jpResult {
	if ex.throw && ex.err == nil {
		ex.err = err
	}
	return jpError
}

// item applies a node to an item; in lax mode arrays are unwrapped where the node wants their elements.
func (ex *jpExec) item(n *jpNode, it jpItem, found *[]jpItem) jpResult {
	return ex.itemUnwrap(n, it, found, ex.path.lax)
}

// next goes on with what follows n, or takes the item as a result.
func (ex *jpExec) next(n *jpNode, it jpItem, found *[]jpItem) jpResult {
	if n != nil && n.next != nil {
		return ex.item(n.next, it, found)
	}
	if found != nil {
		*found = append(*found, it)
	}
	return jpFound
}

// idle reports whether a result is certain and nobody wants to see it.
func idle(n *jpNode, found *[]jpItem) bool { return n.next == nil && found == nil }

func (ex *jpExec) unwrapTarget(n *jpNode, it jpItem, found *[]jpItem) jpResult {
	return ex.anyItem(n, it.j, found, 1, 1, 1, false, false)
}

func (it jpItem) isArray() bool  { return it.t == 0 && it.j.IsArray() }
func (it jpItem) isObject() bool { return it.t == 0 && it.j.IsObject() }

func (ex *jpExec) itemUnwrap(n *jpNode, it jpItem, found *[]jpItem, unwrap bool) jpResult {
	if ex.depth++; ex.depth > jsonDepthMax {
		ex.throw = true
		return ex.failWith(errTooDeep())
	}
	defer func() { ex.depth-- }()
	switch n.kind {
	case jpAnd, jpOr, jpNot, jpIsUnknown, jpEqual, jpNotEqual, jpLess, jpGreater, jpLessOrEqual, jpGreaterOrEqual, jpExists, jpStartsWith,
		jpLikeRegex:
		truth := ex.condition(n, it)
		if ex.err != nil {
			return jpError
		}
		if idle(n, found) {
			return jpFound
		}
		v := JsonbNull
		if truth != jpUnknown {
			v = JsonbOfBool(truth == jpTrue)
		}
		return ex.next(n, jpItem{j: v}, found)
	case jpKey:
		if it.isObject() {
			if v, ok := it.j.Field(n.str); ok {
				return ex.next(n, jpItem{j: v}, found)
			}
			if !ex.ignore {
				return ex.fail(pgerr.SqlJsonMemberNotFound, "JSON object does not contain key \"%s\"", n.str)
			}
			return jpNone
		}
		if unwrap && it.isArray() {
			return ex.unwrapTarget(n, it, found)
		}
		if !ex.ignore {
			return ex.fail(pgerr.SqlJsonMemberNotFound, "jsonpath member accessor can only be applied to an object")
		}
		return jpNone
	case jpRoot:
		return ex.next(n, jpItem{j: ex.root}, found)
	case jpCurrent:
		return ex.next(n, ex.cur, found)
	case jpAnyArray:
		if it.isArray() {
			return ex.anyItem(n.next, it.j, found, 1, 1, 1, false, ex.path.lax)
		}
		if ex.path.lax {
			return ex.next(n, it, found)
		}
		if !ex.ignore {
			return ex.fail(pgerr.SqlJsonArrayNotFound, "jsonpath wildcard array accessor can only be applied to an array")
		}
		return jpNone
	case jpIndexArray:
		return ex.subscript(n, it, found)
	case jpLast:
		if idle(n, found) {
			return jpFound
		}
		return ex.next(n, jpItem{j: JsonbOfInt(int64(ex.array - 1))}, found)
	case jpAnyKey:
		if it.isObject() {
			return ex.anyItem(n.next, it.j, found, 1, 1, 1, false, ex.path.lax)
		}
		if unwrap && it.isArray() {
			return ex.unwrapTarget(n, it, found)
		}
		if !ex.ignore {
			return ex.fail(pgerr.SqlJsonObjectNotFound, "jsonpath wildcard member accessor can only be applied to an object")
		}
		return jpNone
	case jpAdd, jpSub, jpMul, jpDiv, jpMod:
		return ex.arithmetic(n, it, found)
	case jpPlus, jpMinus:
		return ex.sign(n, it, found)
	case jpFilter:
		if unwrap && it.isArray() {
			return ex.unwrapTarget(n, it, found)
		}
		saved := ex.cur
		ex.cur = it
		truth := ex.condition(n.left, it)
		ex.cur = saved
		if ex.err != nil {
			return jpError
		}
		if truth != jpTrue {
			return jpNone
		}
		return ex.next(n, it, found)
	case jpAny:
		return ex.levels(n, it, found)
	case jpNull, jpBool, jpNumeric, jpString, jpVariable:
		if n.kind != jpVariable && idle(n, found) {
			return jpFound
		}
		v, err := ex.literal(n)
		if err != nil {
			// A missing variable is an error whether or not errors are suppressed.
			ex.throw = true
			return ex.failWith(err)
		}
		return ex.next(n, jpItem{j: v}, found)
	}
	return ex.method(n, it, found, unwrap)
}

func (ex *jpExec) literal(n *jpNode) (Jsonb, error) {
	switch n.kind {
	case jpBool:
		return JsonbOfBool(n.val), nil
	case jpNumeric:
		return JsonbOfNumeric(n.num), nil
	case jpString:
		return JsonbOfString(n.str), nil
	case jpVariable:
		if ex.vars != "" {
			if v, ok := ex.vars.Field(n.str); ok {
				return v, nil
			}
		}
		return "", pgerr.Newf(pgerr.UndefinedObject, "could not find jsonpath variable \"%s\"", n.str)
	}
	return JsonbNull, nil
}

// anyItem applies n (nil: takes) to the members of an array or object on the levels first to last.
func (ex *jpExec) anyItem(n *jpNode, j Jsonb, found *[]jpItem, level, first, last uint32, ignore, unwrap bool) (res jpResult) {
	if level > last {
		return jpNone
	}
	for i := range j.Len() {
		v := j.Elem(i)
		if level >= first || first == jpLastLevel && last == jpLastLevel && v.IsScalar() {
			switch {
			case n != nil:
				saved := ex.ignore
				ex.ignore = ex.ignore || ignore
				res = ex.itemUnwrap(n, jpItem{j: v}, found, unwrap)
				ex.ignore = saved
				if res == jpError || res == jpFound && found == nil {
					return res
				}
			case found != nil:
				*found = append(*found, jpItem{j: v})
				res = jpFound
			default:
				return jpFound
			}
		}
		if level < last && !v.IsScalar() {
			res = ex.anyItem(n, v, found, level+1, first, last, ignore, unwrap)
			if res == jpError || res == jpFound && found == nil {
				return res
			}
		}
	}
	return res
}

// levels is .**{first to last}.
func (ex *jpExec) levels(n *jpNode, it jpItem, found *[]jpItem) (res jpResult) {
	if n.first == 0 {
		saved := ex.ignore
		ex.ignore = true
		res = ex.next(n, it, found)
		ex.ignore = saved
		if res == jpError || res == jpFound && found == nil {
			return res
		}
	}
	if it.t == 0 && !it.j.IsScalar() {
		return ex.anyItem(n.next, it.j, found, 1, n.first, n.last, true, ex.path.lax)
	}
	return res
}

func (ex *jpExec) subscript(n *jpNode, it jpItem, found *[]jpItem) (res jpResult) {
	isArray := it.isArray()
	if !isArray && !ex.path.lax {
		if !ex.ignore {
			return ex.fail(pgerr.SqlJsonArrayNotFound, "jsonpath array accessor can only be applied to an array")
		}
		return jpNone
	}
	size := 1
	if isArray {
		size = it.j.Len()
	}
	saved := ex.array
	ex.array = size
	defer func() { ex.array = saved }()
	for _, s := range n.subscripts {
		from, ok := ex.index(s[0], it)
		if !ok {
			return jpError
		}
		to := from
		if s[1] != nil {
			if to, ok = ex.index(s[1], it); !ok {
				return jpError
			}
		}
		if !ex.ignore && (from < 0 || from > to || to >= size) {
			return ex.fail(pgerr.InvalidSqlJsonSubscript, "jsonpath array subscript is out of bounds")
		}
		for i := max(from, 0); i <= min(to, size-1); i++ {
			if idle(n, found) {
				return jpFound
			}
			v := it
			if isArray {
				v = jpItem{j: it.j.Elem(i)}
			}
			res = ex.next(n, v, found)
			if res == jpError || res == jpFound && found == nil {
				return res
			}
		}
	}
	return res
}

// index evaluates a subscript.
func (ex *jpExec) index(n *jpNode, it jpItem) (i int, ok bool) {
	var found []jpItem
	if ex.item(n, it, &found) == jpError {
		return 0, false
	}
	if len(found) != 1 || found[0].kind() != JSONNumber {
		ex.fail(pgerr.InvalidSqlJsonSubscript, "jsonpath array subscript is not a single numeric value")
		return 0, false
	}
	t, err := NumericTrunc(found[0].j.Numeric(), 0)
	if err == nil {
		var v int32
		if v, err = NumericToInt4(t); err == nil {
			return int(v), true
		}
	}
	ex.fail(pgerr.InvalidSqlJsonSubscript, "jsonpath array subscript is out of integer range")
	return 0, false
}

// kind is the JSON kind of an item; a date or time is none of them.
func (it jpItem) kind() JSONKind {
	if it.t != 0 {
		return JSONObject + 1
	}
	return it.j.Kind()
}

// operands evaluates an operand; in lax mode arrays among its results are unwrapped if unwrap.
func (ex *jpExec) operands(n *jpNode, it jpItem, unwrap bool, found *[]jpItem) jpResult {
	if !unwrap || !ex.path.lax {
		return ex.item(n, it, found)
	}
	var all []jpItem
	if ex.item(n, it, &all) == jpError {
		return jpError
	}
	for _, v := range all {
		if !v.isArray() {
			*found = append(*found, v)
			continue
		}
		for i := range v.j.Len() {
			*found = append(*found, jpItem{j: v.j.Elem(i)})
		}
	}
	return jpFound
}

// quietly runs f with errors suppressed, as conditions do.
func (ex *jpExec) quietly(f func() jpResult) jpResult {
	saved := ex.throw
	ex.throw = false
	res := f()
	if ex.err == nil {
		ex.throw = saved
	}
	return res
}

func (ex *jpExec) condition(n *jpNode, it jpItem) jpTruth {
	switch n.kind {
	case jpAnd, jpOr:
		decides := jpFalse
		if n.kind == jpOr {
			decides = jpTrue
		}
		left := ex.condition(n.left, it)
		if left == decides {
			return left
		}
		right := ex.condition(n.right, it)
		if right == jpTrue+jpFalse-decides {
			return left
		}
		return right
	case jpNot:
		switch t := ex.condition(n.left, it); t {
		case jpUnknown:
			return t
		case jpTrue:
			return jpFalse
		}
		return jpTrue
	case jpIsUnknown:
		return jpTruth(b2i(ex.condition(n.left, it) == jpUnknown))
	case jpExists:
		if !ex.path.lax {
			var found []jpItem
			if ex.quietly(func() jpResult { return ex.operands(n.left, it, false, &found) }) == jpError {
				return jpUnknown
			}
			return jpTruth(b2i(len(found) > 0))
		}
		res := ex.quietly(func() jpResult { return ex.operands(n.left, it, false, nil) })
		if res == jpError {
			return jpUnknown
		}
		return jpTruth(b2i(res == jpFound))
	case jpStartsWith:
		return ex.pairs(n.left, n.right, it, false, func(a, b jpItem) jpTruth {
			if a.kind() != JSONString || b.kind() != JSONString {
				return jpUnknown
			}
			return jpTruth(b2i(strings.HasPrefix(a.j.Str(), b.j.Str())))
		})
	case jpLikeRegex:
		return ex.pairs(n.left, nil, it, false, func(a, _ jpItem) jpTruth {
			if a.kind() != JSONString {
				return jpUnknown
			}
			ok, err := n.regex(a.j.Str())
			if err != nil {
				ex.throw = true
				ex.failWith(err)
				return jpUnknown
			}
			return jpTruth(b2i(ok))
		})
	case jpEqual, jpNotEqual, jpLess, jpGreater, jpLessOrEqual, jpGreaterOrEqual:
		return ex.pairs(n.left, n.right, it, true, func(a, b jpItem) jpTruth { return ex.compare(n.kind, a, b) })
	}
	// A value where a condition belongs; the parser lets none through.
	return jpUnknown
}

// pairs tests every pair of the operands' results. Lax mode ends at the first that is true, strict mode at the first that is unknown.
func (ex *jpExec) pairs(left, right *jpNode, it jpItem, unwrapRight bool, test func(a, b jpItem) jpTruth) jpTruth {
	var lefts []jpItem
	if ex.quietly(func() jpResult { return ex.operands(left, it, true, &lefts) }) == jpError {
		return jpUnknown
	}
	rights := []jpItem{{}}
	if right != nil {
		rights = nil
		if ex.quietly(func() jpResult { return ex.operands(right, it, unwrapRight, &rights) }) == jpError {
			return jpUnknown
		}
	}
	unknown, found := false, false
	for _, a := range lefts {
		for _, b := range rights {
			switch test(a, b) {
			case jpUnknown:
				if !ex.path.lax {
					return jpUnknown
				}
				unknown = true
			case jpTrue:
				if ex.path.lax {
					return jpTrue
				}
				found = true
			}
		}
	}
	switch {
	case found:
		return jpTrue
	case unknown:
		return jpUnknown
	}
	return jpFalse
}

func (ex *jpExec) compare(op jpKind, a, b jpItem) jpTruth {
	ka, kb := a.kind(), b.kind()
	if ka != kb {
		if ka == JSONNull || kb == JSONNull {
			return jpTruth(b2i(op == jpNotEqual))
		}
		return jpUnknown
	}
	c := 0
	switch ka {
	case JSONNull:
	case JSONBoolean:
		c = cmp.Compare(a.j[0], b.j[0])
	case JSONNumber:
		c = NumericCompare(a.j.Numeric(), b.j.Numeric())
	case JSONString:
		c = strings.Compare(a.j.Str(), b.j.Str())
	case JSONArray, JSONObject:
		return jpUnknown
	default:
		var ok bool
		if c, ok = ex.compareTimes(a, b); !ok {
			return jpUnknown
		}
	}
	res := false
	switch op {
	case jpEqual:
		res = c == 0
	case jpNotEqual:
		res = c != 0
	case jpLess:
		res = c < 0
	case jpGreater:
		res = c > 0
	case jpLessOrEqual:
		res = c <= 0
	case jpGreaterOrEqual:
		res = c >= 0
	}
	return jpTruth(b2i(res))
}

func (ex *jpExec) arithmetic(n *jpNode, it jpItem, found *[]jpItem) jpResult {
	// Both are evaluated before either is looked at.
	var results [2][]jpItem
	for i, o := range [2]*jpNode{n.left, n.right} {
		if ex.operands(o, it, true, &results[i]) == jpError {
			return jpError
		}
	}
	var sides [2]string
	for i, all := range results {
		if len(all) != 1 || all[0].kind() != JSONNumber {
			return ex.fail(pgerr.SingletonSqlJsonItemRequired, "%s operand of jsonpath operator %s is not a single numeric value",
				[2]string{"left", "right"}[i], jpOperators[n.kind])
		}
		sides[i] = all[0].j.Numeric()
	}
	f := map[jpKind]func(a, b string) (string, error){jpAdd: NumericAdd, jpSub: NumericSub, jpMul: NumericMul, jpDiv: NumericDiv,
		jpMod: NumericRem}[n.kind]
	r, err := f(sides[0], sides[1])
	if err != nil {
		return ex.failWith(err)
	}
	if idle(n, found) {
		return jpFound
	}
	return ex.next(n, jpItem{j: JsonbOfNumeric(r)}, found)
}

func (ex *jpExec) sign(n *jpNode, it jpItem, found *[]jpItem) jpResult {
	var all []jpItem
	if ex.operands(n.left, it, true, &all) == jpError {
		return jpError
	}
	res := jpNone
	for _, v := range all {
		if v.kind() != JSONNumber {
			if idle(n, found) {
				continue
			}
			return ex.fail(pgerr.SqlJsonNumberNotFound, "operand of unary jsonpath operator %s is not a numeric value", jpOperators[n.kind])
		}
		if idle(n, found) {
			return jpFound
		}
		if n.kind == jpMinus {
			v.j = JsonbOfNumeric(NumericNeg(v.j.Numeric()))
		}
		switch ex.next(n, v, found) {
		case jpError:
			return jpError
		case jpFound:
			if found == nil {
				return jpFound
			}
			res = jpFound
		}
	}
	return res
}

// method applies .type(), .size() and so on.
func (ex *jpExec) method(n *jpNode, it jpItem, found *[]jpItem, unwrap bool) jpResult {
	name := jpMethodNames[n.kind]
	if n.kind != jpType && n.kind != jpSize && unwrap && it.isArray() {
		return ex.unwrapTarget(n, it, found)
	}
	switch n.kind {
	case jpType:
		return ex.next(n, jpItem{j: JsonbOfString(it.typeName())}, found)
	case jpSize:
		size := 1
		if it.isArray() {
			size = it.j.Len()
		} else if !ex.path.lax {
			if !ex.ignore {
				return ex.fail(pgerr.SqlJsonArrayNotFound, "jsonpath item method .%s() can only be applied to an array", name)
			}
			return jpNone
		}
		return ex.next(n, jpItem{j: JsonbOfInt(int64(size))}, found)
	case jpAbs, jpFloor, jpCeiling:
		if it.kind() != JSONNumber {
			return ex.fail(pgerr.NonNumericSqlJsonItem, "jsonpath item method .%s() can only be applied to a numeric value", name)
		}
		f := map[jpKind]func(string) (string, error){jpFloor: NumericFloor, jpCeiling: NumericCeil,
			jpAbs: func(s string) (string, error) { return NumericAbs(s), nil }}[n.kind]
		r, err := f(it.j.Numeric())
		if err != nil {
			return ex.failWith(err)
		}
		return ex.next(n, jpItem{j: JsonbOfNumeric(r)}, found)
	case jpDouble:
		return ex.double(n, it, found)
	case jpDatetime:
		return ex.datetime(n, it, found)
	}
	return ex.keyValue(n, it, found)
}

func (ex *jpExec) double(n *jpNode, it jpItem, found *[]jpItem) jpResult {
	switch it.kind() {
	case JSONNumber:
		if _, err := NumericToFloat64(it.j.Numeric()); err != nil {
			return ex.fail(pgerr.NonNumericSqlJsonItem, "numeric argument of jsonpath item method .double() is out of range for type double precision")
		}
		return ex.next(n, it, found)
	case JSONString:
		f, err := ParseFloat8(it.j.Str())
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return ex.fail(pgerr.NonNumericSqlJsonItem,
				"string argument of jsonpath item method .double() is not a valid representation of a double precision number")
		}
		return ex.next(n, jpItem{j: JsonbOfNumeric(NumericFromFloat64(f))}, found)
	}
	return ex.fail(pgerr.NonNumericSqlJsonItem, "jsonpath item method .double() can only be applied to a string or numeric value")
}

// keyValue is .keyvalue(): an object for each member. The id tells members of different objects apart; other than in PostgreSQL it
// is the object's place among the bytes of the whole value.
func (ex *jpExec) keyValue(n *jpNode, it jpItem, found *[]jpItem) (res jpResult) {
	if !it.isObject() {
		return ex.fail(pgerr.SqlJsonObjectNotFound, "jsonpath item method .keyvalue() can only be applied to an object")
	}
	id := max(strings.Index(string(ex.root), string(it.j)), 0)
	for i := range it.j.Len() {
		if idle(n, found) {
			return jpFound
		}
		pair, err := JsonbObject([]string{"key", "value", "id"},
			[]Jsonb{JsonbOfString(it.j.Key(i)), it.j.Elem(i), JsonbOfInt(int64(id))})
		if err != nil {
			return ex.failWith(err)
		}
		res = ex.next(n, jpItem{j: pair}, found)
		if res == jpError || res == jpFound && found == nil {
			return res
		}
	}
	return res
}
