package types

import (
	"math"

	"kimberlite/sql/pgerr"
)

// Concat is ||: objects merge (the right one wins), arrays are joined, and whatever is no array counts as an array of one.
func (j Jsonb) Concat(b Jsonb) (Jsonb, error) {
	if j.IsObject() == b.IsObject() {
		if !j.IsScalar() && j.Len() == 0 && !b.IsScalar() {
			return b, nil
		}
		if !b.IsScalar() && b.Len() == 0 && !j.IsScalar() {
			return j, nil
		}
	}
	var out JsonbBuilder
	if j.IsObject() && b.IsObject() {
		out.BeginObject()
		out.allMembers(j)
		out.allMembers(b)
		err := out.EndObject()
		return out.Finish(), err
	}
	out.BeginArray()
	for _, v := range [2]Jsonb{j, b} {
		if v.IsArray() {
			out.allMembers(v)
		} else {
			out.Value(v)
		}
	}
	err := out.EndArray()
	return out.Finish(), err
}

// allMembers adds all members of an array or object to the open container.
func (b *JsonbBuilder) allMembers(j Jsonb) {
	object := j.IsObject()
	for i := range j.Len() {
		if object {
			b.Key(j.Key(i))
		}
		b.Value(j.Elem(i))
	}
}

// filter returns an array or object with the members for which keep is true.
func (j Jsonb) filter(keep func(i int) bool) (Jsonb, error) {
	var out JsonbBuilder
	object := j.IsObject()
	out.begin(object)
	for i := range j.Len() {
		if !keep(i) {
			continue
		}
		if object {
			out.Key(j.Key(i))
		}
		out.Value(j.Elem(i))
	}
	err := out.end()
	return out.Finish(), err
}

// DeleteKeys is jsonb - text and jsonb - text[]: without these keys, or without these strings of an array.
func (j Jsonb) DeleteKeys(keys ...string) (Jsonb, error) {
	if j.IsScalar() {
		return "", pgerr.New(pgerr.InvalidParameterValue, "cannot delete from scalar")
	}
	if j.Len() == 0 || len(keys) == 0 {
		return j, nil
	}
	object := j.IsObject()
	return j.filter(func(i int) bool {
		name := ""
		if object {
			name = j.Key(i)
		} else if e := j.Elem(i); e.Kind() == JSONString {
			name = e.Str()
		} else {
			return true
		}
		for _, k := range keys {
			if k == name {
				return false
			}
		}
		return true
	})
}

// DeleteIndex is jsonb - integer.
func (j Jsonb) DeleteIndex(index int) (Jsonb, error) {
	if j.IsScalar() {
		return "", pgerr.New(pgerr.InvalidParameterValue, "cannot delete from scalar")
	}
	if j.IsObject() {
		return "", pgerr.New(pgerr.InvalidParameterValue, "cannot delete from object using integer index")
	}
	if index < 0 {
		index += j.Len()
	}
	if index < 0 || index >= j.Len() {
		return j, nil
	}
	return j.filter(func(i int) bool { return i != index })
}

// StripNulls is jsonb_strip_nulls: without the members of objects that are null, at all levels.
func (j Jsonb) StripNulls() (Jsonb, error) {
	if j.IsScalar() {
		return j, nil
	}
	var out JsonbBuilder
	if err := out.stripped(j); err != nil {
		return "", err
	}
	return out.Finish(), nil
}

func (b *JsonbBuilder) stripped(j Jsonb) error {
	if j.IsScalar() {
		b.Value(j)
		return nil
	}
	object := j.IsObject()
	b.begin(object)
	for i := range j.Len() {
		v := j.Elem(i)
		if object {
			if v.Kind() == JSONNull {
				continue
			}
			b.Key(j.Key(i))
		}
		if err := b.stripped(v); err != nil {
			return err
		}
	}
	return b.end()
}

// How a path is followed to change what is at its end.
const (
	pathCreate       = 1 << iota // add a member that is not there
	pathDelete                   // remove it
	pathReplace                  // put the new value in its place
	pathInsertBefore             // put the new value before an array's element
	pathInsertAfter              // or after it
	pathFillGaps                 // make containers and nulls on the way (subscripting)
	pathKeepPosition             // refuse to prepend beyond the start (subscripting)
	pathAdds         = pathCreate | pathInsertBefore | pathInsertAfter
)

// PathStep is a step of a path as a text[] has it; a NULL one is an error when it is reached.
type PathStep struct {
	Text string
	Null bool
}

// PathSteps makes a path of texts.
func PathSteps(texts ...string) []PathStep {
	p := make([]PathStep, len(texts))
	for i, t := range texts {
		p[i].Text = t
	}
	return p
}

type jsonbEdit struct {
	out   JsonbBuilder
	path  []PathStep
	value Jsonb
	how   int
}

// Set is jsonb_set.
func (j Jsonb) Set(path []PathStep, value Jsonb, create bool) (Jsonb, error) {
	if j.IsScalar() {
		return "", pgerr.New(pgerr.InvalidParameterValue, "cannot set path in scalar")
	}
	if j.Len() == 0 && !create || len(path) == 0 {
		return j, nil
	}
	how := pathReplace
	if create {
		how = pathCreate
	}
	return j.edit(path, value, how)
}

// Insert is jsonb_insert.
func (j Jsonb) Insert(path []PathStep, value Jsonb, after bool) (Jsonb, error) {
	if j.IsScalar() {
		return "", pgerr.New(pgerr.InvalidParameterValue, "cannot set path in scalar")
	}
	if len(path) == 0 {
		return j, nil
	}
	how := pathInsertBefore
	if after {
		how = pathInsertAfter
	}
	return j.edit(path, value, how)
}

// DeletePath is #-.
func (j Jsonb) DeletePath(path []PathStep) (Jsonb, error) {
	if j.IsScalar() {
		return "", pgerr.New(pgerr.InvalidParameterValue, "cannot delete path in scalar")
	}
	if j.Len() == 0 || len(path) == 0 {
		return j, nil
	}
	return j.edit(path, "", pathDelete)
}

// SetSubscript assigns to j[path...]: missing containers are made (an array where the next step is an integer), gaps in arrays
// are filled with nulls.
func (j Jsonb) SetSubscript(path []PathStep, value Jsonb) (Jsonb, error) {
	if j.IsScalar() {
		return "", errNotComposite()
	}
	return j.edit(path, value, pathCreate|pathFillGaps|pathKeepPosition)
}

func errNotComposite() error {
	return pgerr.New(pgerr.InvalidParameterValue, "cannot replace existing key").
		WithDetail("The path assumes key is a composite object, but it is a scalar value.")
}

func (j Jsonb) edit(path []PathStep, value Jsonb, how int) (Jsonb, error) {
	e := jsonbEdit{path: path, value: value, how: how}
	if err := e.walk(j, 0); err != nil {
		return "", err
	}
	return e.out.Finish(), nil
}

func (e *jsonbEdit) walk(j Jsonb, level int) error {
	if e.path[level].Null {
		return pgerr.Newf(pgerr.NullValueNotAllowed, "path element at position %d is null", level+1)
	}
	switch {
	case j.IsObject():
		return e.object(j, level)
	case j.IsArray():
		return e.array(j, level)
	}
	if e.how&pathFillGaps != 0 {
		return errNotComposite()
	}
	e.out.Value(j)
	return nil
}

func (e *jsonbEdit) object(j Jsonb, level int) error {
	e.out.BeginObject()
	last := level == len(e.path)-1
	at, found := j.find(e.path[level].Text)
	for i := range j.Len() {
		if found && i == at {
			if !last {
				e.out.Key(j.Key(i))
				if err := e.walk(j.Elem(i), level+1); err != nil {
					return err
				}
				continue
			}
			if e.how&(pathInsertBefore|pathInsertAfter) != 0 {
				return pgerr.New(pgerr.InvalidParameterValue, "cannot replace existing key").
					WithHint("Try using the function jsonb_set to replace key value.")
			}
			if e.how&pathDelete == 0 {
				e.out.Key(j.Key(i))
				e.out.Value(e.value)
			}
			continue
		}
		e.out.Key(j.Key(i))
		e.out.Value(j.Elem(i))
	}
	if !found {
		switch {
		case last && e.how&pathAdds != 0:
			e.out.Key(e.path[level].Text)
			e.out.Value(e.value)
		case !last && e.how&pathFillGaps != 0:
			e.out.Key(e.path[level].Text)
			if err := e.fill(level + 1); err != nil {
				return err
			}
		}
	}
	return e.out.EndObject()
}

func (e *jsonbEdit) array(j Jsonb, level int) error {
	n := j.Len()
	idx, err := e.arrayIndex(level, n)
	if err != nil {
		return err
	}
	last := level == len(e.path)-1
	done := false
	e.out.BeginArray()
	if last && (idx == math.MinInt || n == 0) && e.how&pathAdds != 0 {
		if e.how&pathFillGaps != 0 && n == 0 {
			e.nulls(idx)
		}
		e.out.Value(e.value)
		done = true
	}
	for i := range n {
		v := j.Elem(i)
		switch {
		case i != idx:
			e.out.Value(v)
			continue
		case !last:
			if err := e.walk(v, level+1); err != nil {
				return err
			}
		default:
			if e.how&(pathInsertBefore|pathCreate) != 0 {
				e.out.Value(e.value)
			}
			if e.how&(pathInsertBefore|pathInsertAfter) != 0 {
				e.out.Value(v)
			}
			if e.how&(pathInsertAfter|pathReplace) != 0 {
				e.out.Value(e.value)
			}
		}
		done = true
	}
	if !done {
		switch {
		case last && e.how&pathAdds != 0:
			if e.how&pathFillGaps != 0 {
				e.nulls(idx - n)
			}
			e.out.Value(e.value)
		case !last && e.how&pathFillGaps != 0:
			e.nulls(idx - n)
			if err := e.fill(level + 1); err != nil {
				return err
			}
		}
	}
	return e.out.EndArray()
}

// arrayIndex reads a step as the position in an array of n; MinInt is before the start.
func (e *jsonbEdit) arrayIndex(level, n int) (int, error) {
	idx, ok := pathIndex(e.path[level].Text)
	if !ok {
		return 0, pgerr.Newf(pgerr.InvalidTextRepresentation, "path element at position %d is not an integer: \"%s\"", level+1,
			e.path[level].Text)
	}
	if idx < 0 {
		if -idx > n {
			if e.how&pathKeepPosition != 0 {
				return 0, pgerr.Newf(pgerr.InvalidParameterValue, "path element at position %d is out of range: %d", level+1, idx)
			}
			return math.MinInt, nil
		}
		idx += n
	}
	if e.how&pathFillGaps == 0 && idx > n {
		idx = n
	}
	return idx, nil
}

func (e *jsonbEdit) nulls(n int) {
	for i := 0; i < n; i++ {
		e.out.Null()
	}
}

// fill makes the containers for the rest of the path, with the value at its end.
func (e *jsonbEdit) fill(level int) error {
	if level == len(e.path) {
		e.out.Value(e.value)
		return nil
	}
	if e.path[level].Null {
		return pgerr.Newf(pgerr.NullValueNotAllowed, "path element at position %d is null", level+1)
	}
	idx, isInt := pathIndex(e.path[level].Text)
	if !isInt {
		e.out.BeginObject()
		e.out.Key(e.path[level].Text)
	} else {
		e.out.BeginArray()
		e.nulls(idx)
	}
	if err := e.fill(level + 1); err != nil {
		return err
	}
	return e.out.end()
}

// cannotCastJsonb is the error of a cast from a jsonb value of the wrong kind.
func cannotCastJsonb(j Jsonb, typ string) error {
	return pgerr.Newf(pgerr.InvalidParameterValue, "cannot cast jsonb %s to type %s", j.Kind(), typ)
}

// ToNumeric is the cast to numeric and the other number types, which go by numeric; typ is the target's name for the message
// (22023).
func (j Jsonb) ToNumeric(typ string) (packed string, err error) {
	if j.Kind() != JSONNumber {
		return "", cannotCastJsonb(j, typ)
	}
	return j.Numeric(), nil
}

// ToBool is the cast to boolean.
func (j Jsonb) ToBool() (bool, error) {
	if j.Kind() != JSONBoolean {
		return false, cannotCastJsonb(j, "boolean")
	}
	return j.Bool(), nil
}
