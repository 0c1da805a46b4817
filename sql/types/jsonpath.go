package types

import (
	"sync"

	"kimberlite/sql/pgerr"
)

// A jsonpath is packed as its text in the form that the output function gives: reading it again gives the same path.

func init() {
	register(ops{in: jsonpathIn, out: func(_ *Ctx, _ T, d Datum, dst []byte) []byte { return append(dst, d.S...) },
		recv: func(ctx *Ctx, t T, b []byte) (Datum, error) {
			if len(b) == 0 {
				return Datum{}, exactly(b, 1)
			}
			if b[0] != 1 {
				return Datum{}, pgerr.Newf(pgerr.InternalError, "unsupported jsonpath version number: %d", b[0])
			}
			s := string(b[1:])
			if err := CheckUTF8(s); err != nil {
				return Datum{}, err
			}
			return jsonpathIn(ctx, t, s)
		},
		send: func(_ *Ctx, _ T, d Datum, dst []byte) []byte { return append(append(dst, 1), d.S...) }}, OIDJsonpath)
}

func jsonpathIn(_ *Ctx, _ T, s string) (Datum, error) {
	p, err := ParseJSONPath(s)
	if err != nil {
		return Datum{}, err
	}
	return Str(p.String()), nil
}

// jpKind is the kind of a node of a path.
type jpKind uint8

const (
	jpNull jpKind = iota
	jpString
	jpNumeric
	jpBool
	jpAnd
	jpOr
	jpNot
	jpIsUnknown
	jpEqual
	jpNotEqual
	jpLess
	jpGreater
	jpLessOrEqual
	jpGreaterOrEqual
	jpAdd
	jpSub
	jpMul
	jpDiv
	jpMod
	jpPlus
	jpMinus
	jpAnyArray
	jpAnyKey
	jpIndexArray
	jpAny
	jpKey
	jpCurrent
	jpRoot
	jpVariable
	jpFilter
	jpExists
	jpType
	jpSize
	jpAbs
	jpFloor
	jpCeiling
	jpDouble
	jpDatetime
	jpKeyValue
	jpLast
	jpStartsWith
	jpLikeRegex
)

// jpNode is a step or an operation. next is the accessor that is applied to its result.
type jpNode struct {
	kind        jpKind
	left, right *jpNode // operands
	next        *jpNode
	str         string // of a string, key, variable, pattern
	flags       string // of like_regex
	num         string // packed numeric
	val         bool
	subscripts  [][2]*jpNode // from, to; to is nil for a single one
	first, last uint32       // levels of **
	regex       func(string) (bool, error)
}

// jpLastLevel is "last" as a level of **.
const jpLastLevel = ^uint32(0)

// JSONPath is a parsed jsonpath. It is immutable.
type JSONPath struct {
	root *jpNode
	lax  bool
}

// jsonPaths remembers the paths in use.
var jsonPaths struct {
	sync.RWMutex
	m map[string]*JSONPath
}

// jsonPathCacheMax bounds what is remembered.
const jsonPathCacheMax = 256

// CachedJSONPath parses a jsonpath datum's S; recent ones are remembered.
func CachedJSONPath(s string) (*JSONPath, error) {
	jsonPaths.RLock()
	p := jsonPaths.m[s]
	jsonPaths.RUnlock()
	if p != nil {
		return p, nil
	}
	p, err := ParseJSONPath(s)
	if err != nil {
		return nil, err
	}
	jsonPaths.Lock()
	if jsonPaths.m == nil || len(jsonPaths.m) >= jsonPathCacheMax {
		jsonPaths.m = make(map[string]*JSONPath)
	}
	jsonPaths.m[s] = p
	jsonPaths.Unlock()
	return p, nil
}

var jpOperators = map[jpKind]string{jpAnd: "&&", jpOr: "||", jpEqual: "==", jpNotEqual: "!=", jpLess: "<", jpGreater: ">",
	jpLessOrEqual: "<=", jpGreaterOrEqual: ">=", jpAdd: "+", jpSub: "-", jpMul: "*", jpDiv: "/", jpMod: "%", jpPlus: "+", jpMinus: "-",
	jpStartsWith: "starts with"}

var jpMethods = map[string]jpKind{"type": jpType, "size": jpSize, "abs": jpAbs, "floor": jpFloor, "ceiling": jpCeiling, "double": jpDouble,
	"datetime": jpDatetime, "keyvalue": jpKeyValue}

var jpMethodNames = func() map[jpKind]string {
	m := map[jpKind]string{}
	for name, kind := range jpMethods {
		m[kind] = name
	}
	return m
}()

// priority says how strongly an operation binds.
func (k jpKind) priority() int {
	switch k {
	case jpOr:
		return 0
	case jpAnd:
		return 1
	case jpEqual, jpNotEqual, jpLess, jpGreater, jpLessOrEqual, jpGreaterOrEqual, jpStartsWith:
		return 2
	case jpAdd, jpSub:
		return 3
	case jpMul, jpDiv, jpMod:
		return 4
	case jpPlus, jpMinus:
		return 5
	}
	return 6
}

// String returns the canonical text.
func (p *JSONPath) String() string {
	var dst []byte
	if !p.lax {
		dst = append(dst, "strict "...)
	}
	return string(p.root.append(dst, false, true))
}

// append prints the node and what is applied to it. inKey says that it is an accessor; brackets puts an operation in brackets.
func (n *jpNode) append(dst []byte, inKey, brackets bool) []byte {
	open := func() {
		if brackets {
			dst = append(dst, '(')
		}
	}
	closing := func() {
		if brackets {
			dst = append(dst, ')')
		}
	}
	operand := func(o *jpNode) { dst = o.append(dst, false, o.kind.priority() <= n.kind.priority()) }
	dot := func() {
		if inKey {
			dst = append(dst, '.')
		}
	}
	switch n.kind {
	case jpNull:
		dst = append(dst, "null"...)
	case jpString:
		dst = AppendJSONString(dst, n.str)
	case jpNumeric:
		if n.next != nil {
			dst = append(AppendNumeric(append(dst, '('), n.num), ')')
		} else {
			dst = AppendNumeric(dst, n.num)
		}
	case jpBool:
		if n.val {
			dst = append(dst, "true"...)
		} else {
			dst = append(dst, "false"...)
		}
	case jpAnd, jpOr, jpEqual, jpNotEqual, jpLess, jpGreater, jpLessOrEqual, jpGreaterOrEqual, jpAdd, jpSub, jpMul, jpDiv, jpMod, jpStartsWith:
		open()
		operand(n.left)
		dst = append(append(append(dst, ' '), jpOperators[n.kind]...), ' ')
		operand(n.right)
		closing()
	case jpLikeRegex:
		open()
		operand(n.left)
		dst = AppendJSONString(append(dst, " like_regex "...), n.str)
		if n.flags != "" {
			dst = append(append(append(dst, " flag \""...), n.flags...), '"')
		}
		closing()
	case jpPlus, jpMinus:
		open()
		dst = append(dst, jpOperators[n.kind]...)
		operand(n.left)
		closing()
	case jpFilter:
		dst = append(n.left.append(append(dst, "?("...), false, false), ')')
	case jpNot:
		dst = append(n.left.append(append(dst, "!("...), false, false), ')')
	case jpIsUnknown:
		dst = append(n.left.append(append(dst, '('), false, false), ") is unknown"...)
	case jpExists:
		dst = append(n.left.append(append(dst, "exists ("...), false, false), ')')
	case jpCurrent:
		dst = append(dst, '@')
	case jpRoot:
		dst = append(dst, '$')
	case jpLast:
		dst = append(dst, "last"...)
	case jpVariable:
		dst = AppendJSONString(append(dst, '$'), n.str)
	case jpKey:
		dot()
		dst = AppendJSONString(dst, n.str)
	case jpAnyArray:
		dst = append(dst, "[*]"...)
	case jpAnyKey:
		dot()
		dst = append(dst, '*')
	case jpIndexArray:
		dst = append(dst, '[')
		for i, s := range n.subscripts {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = s[0].append(dst, false, false)
			if s[1] != nil {
				dst = s[1].append(append(dst, " to "...), false, false)
			}
		}
		dst = append(dst, ']')
	case jpAny:
		dot()
		dst = n.appendAny(dst)
	default:
		dst = append(append(append(dst, '.'), jpMethodNames[n.kind]...), '(')
		if n.left != nil {
			dst = n.left.append(dst, false, false)
		}
		dst = append(dst, ')')
	}
	if n.next != nil {
		dst = n.next.append(dst, true, true)
	}
	return dst
}

func (n *jpNode) appendAny(dst []byte) []byte {
	dst = append(dst, "**"...)
	level := func(l uint32) {
		if l == jpLastLevel {
			dst = append(dst, "last"...)
		} else {
			dst = append(dst, itoa(int(l))...)
		}
	}
	if n.first == 0 && n.last == jpLastLevel {
		return dst
	}
	dst = append(dst, '{')
	level(n.first)
	if n.first != n.last {
		dst = append(dst, " to "...)
		level(n.last)
	}
	return append(dst, '}')
}
