package analyze

import (
	"slices"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/sql/pgerr"
	"kimberlite/sql/tree"
	"kimberlite/sql/types"
)

// windowDef is a window of the query: named in the WINDOW clause or written after OVER, with the calls that use it.
type windowDef struct {
	def   *pg.WindowDef
	calls []*tree.WindowFunc
}

// frameDefaults is the frame of a window without a frame clause (FRAMEOPTION_DEFAULTS).
const frameDefaults = tree.FrameRange | tree.FrameStartUnboundedPreceding | tree.FrameEndCurrentRow

// attachWindow connects a call with its window.
func (s *state) attachWindow(w *tree.WindowFunc, over *pg.WindowDef) {
	if over.Name != "" {
		for i, d := range s.winDefs {
			if d.def.Name == over.Name {
				w.Ref = i + 1
				d.calls = append(d.calls, w)
				return
			}
		}
		failf(over.Location, pgerr.UndefinedObject, "window \"%s\" does not exist", over.Name)
	}
	s.winDefs = append(s.winDefs, &windowDef{def: over, calls: []*tree.WindowFunc{w}})
	w.Ref = len(s.winDefs)
}

// windows analyzes the query's windows (transformWindowDefinitions). Windows after OVER that are alike become one.
func (s *state) windows(target *[]tree.TargetEntry) []*tree.WindowClause {
	var out []*tree.WindowClause
	for i := 0; i < len(s.winDefs); i++ { // the expressions inside can't add windows
		d := s.winDefs[i]
		wc := s.window(d.def, out, target)
		if same := sameWindow(out, wc, d.def); same != nil {
			wc = same
		} else {
			out = append(out, wc)
			wc.Ref = len(out)
		}
		for _, call := range d.calls {
			call.Ref = wc.Ref
		}
	}
	return out
}

// sameWindow finds an earlier unnamed window with the same definition.
func sameWindow(list []*tree.WindowClause, wc *tree.WindowClause, def *pg.WindowDef) *tree.WindowClause {
	if def.Name != "" {
		return nil
	}
	for _, o := range list {
		if o.Name == "" && o.RefName == wc.RefName && slices.Equal(o.Partition, wc.Partition) && slices.Equal(o.Order, wc.Order) && o.Frame == wc.Frame &&
			tree.Equal(o.StartOffset, wc.StartOffset) && tree.Equal(o.EndOffset, wc.EndOffset) {
			return o
		}
	}
	return nil
}

func (s *state) window(def *pg.WindowDef, earlier []*tree.WindowClause, target *[]tree.TargetEntry) *tree.WindowClause {
	find := func(name string) *tree.WindowClause {
		for _, w := range earlier {
			if w.Name != "" && w.Name == name {
				return w
			}
		}
		return nil
	}
	if def.Name != "" && find(def.Name) != nil {
		failf(def.Location, pgerr.WindowingError, "window \"%s\" is already defined", def.Name)
	}
	var ref *tree.WindowClause
	if def.Refname != "" {
		if ref = find(def.Refname); ref == nil {
			failf(def.Location, pgerr.UndefinedObject, "window \"%s\" does not exist", def.Refname)
		}
	}
	order := s.sortClause(def.OrderClause, target, kindWindowOrder, true)
	partition, _ := s.groupClause(def.PartitionClause, target, order, kindWindowPartition, true)
	wc := &tree.WindowClause{Name: def.Name, RefName: def.Refname, Partition: partition, Order: order, Frame: tree.FrameOption(def.FrameOptions)}
	if ref != nil {
		s.copyWindow(wc, ref, def)
	}
	offsets := tree.FrameStartOffsetPreceding | tree.FrameStartOffsetFollowing | tree.FrameEndOffsetPreceding | tree.FrameEndOffsetFollowing
	var rangeType types.OID
	if wc.Frame&tree.FrameRange != 0 && wc.Frame&offsets != 0 {
		if len(wc.Order) != 1 {
			failf(def.Location, pgerr.WindowingError, "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column")
		}
		key := wc.Order[0]
		rangeType = s.baseType(targetBySortRef(*target, key.SortRef).Expr.Type().OID)
		if op := s.cat.Operator(key.SortOp); op != nil && !types.IsPolymorphic(op.Left) {
			rangeType = op.Left // of the operator class: text for varchar
		}
		wc.InRangeAsc, wc.InRangeNullsFirst = !key.Desc, key.NullsFirst
	}
	if wc.Frame&tree.FrameGroups != 0 && len(wc.Order) == 0 {
		failf(def.Location, pgerr.WindowingError, "GROUPS mode requires an ORDER BY clause")
	}
	wc.StartOffset, wc.StartInRange = s.frameOffset(wc.Frame, rangeType, def.StartOffset)
	wc.EndOffset, wc.EndInRange = s.frameOffset(wc.Frame, rangeType, def.EndOffset)
	return wc
}

// copyWindow takes over what a window refers to: OVER (w ...).
func (s *state) copyWindow(wc, ref *tree.WindowClause, def *pg.WindowDef) {
	bad := func(format string) *pgerr.Error {
		return pgerr.Newf(pgerr.WindowingError, format, def.Refname).At(int(def.Location))
	}
	hasOrder := len(wc.Order) > 0
	if len(wc.Partition) > 0 {
		fail(bad("cannot override PARTITION BY clause of window \"%s\""))
	}
	wc.Partition = ref.Partition
	if hasOrder && len(ref.Order) > 0 {
		fail(bad("cannot override ORDER BY clause of window \"%s\""))
	}
	if !hasOrder {
		wc.Order, wc.CopiedOrder = ref.Order, true
	}
	if ref.Frame != frameDefaults {
		err := bad("cannot copy window \"%s\" because it has a frame clause")
		if def.Name == "" && !hasOrder && tree.FrameOption(def.FrameOptions) == frameDefaults {
			err.WithHint("Omit the parentheses in this OVER clause.")
		}
		fail(err)
	}
}

// frameOffset analyzes the offset of a frame bound; for RANGE it finds the in_range function (transformFrameOffset).
func (s *state) frameOffset(frame tree.FrameOption, rangeType types.OID, n *pg.Node) (tree.Expr, types.OID) {
	if n == nil {
		return nil, 0
	}
	switch {
	case frame&tree.FrameRows != 0:
		e := s.coerceToSpecific(s.expr(n, kindWindowRows), types.Of(types.OIDInt8), "ROWS")
		s.checkVarFree(e, "ROWS")
		return e, 0
	case frame&tree.FrameGroups != 0:
		e := s.coerceToSpecific(s.expr(n, kindWindowGroups), types.Of(types.OIDInt8), "GROUPS")
		s.checkVarFree(e, "GROUPS")
		return e, 0
	}
	e := s.expr(n, kindWindowRange)
	t := e.Type().OID
	preferred := t
	if t == types.OIDUnknown {
		preferred = rangeType
	}
	var choice inRange
	funcs, matches := 0, 0
	for _, f := range inRangeFuncs {
		if f.left != rangeType {
			continue
		}
		funcs++
		if !s.canCoerce1(t, f.right, implicit) {
			continue
		}
		matches++
		choice = f
		if f.right == preferred {
			matches = 1
			break
		}
	}
	loc := exprLoc(e)
	switch {
	case funcs == 0:
		failf(loc, pgerr.FeatureNotSupported, "RANGE with offset PRECEDING/FOLLOWING is not supported for column type %s", s.typeName(rangeType))
	case matches == 0:
		fail(pgerr.Newf(pgerr.FeatureNotSupported, "RANGE with offset PRECEDING/FOLLOWING is not supported for column type %s and offset type %s",
			s.typeName(rangeType), s.typeName(t)).WithHint("Cast the offset value to an appropriate type.").At(int(loc)))
	case matches != 1:
		fail(pgerr.Newf(pgerr.FeatureNotSupported, "RANGE with offset PRECEDING/FOLLOWING has multiple interpretations for column type %s and offset type %s",
			s.typeName(rangeType), s.typeName(t)).WithHint("Cast the offset value to the exact intended type.").At(int(loc)))
	}
	e = s.coerceToSpecific(e, types.Of(choice.right), "RANGE")
	s.checkVarFree(e, "RANGE")
	return e, choice.fn
}

// inRange is an in_range support function of btree (pg_amproc, number 3).
type inRange struct{ left, right, fn types.OID }

var inRangeFuncs = []inRange{
	{20, 20, 4126},     // bigint and bigint
	{21, 20, 4130},     // smallint and bigint
	{21, 21, 4132},     // smallint and smallint
	{21, 23, 4131},     // smallint and integer
	{23, 20, 4127},     // integer and bigint
	{23, 21, 4129},     // integer and smallint
	{23, 23, 4128},     // integer and integer
	{700, 701, 4140},   // real and double precision
	{701, 701, 4139},   // double precision and double precision
	{1082, 1186, 4133}, // date and interval
	{1083, 1186, 4137}, // time without time zone and interval
	{1114, 1186, 4134}, // timestamp without time zone and interval
	{1184, 1186, 4135}, // timestamp with time zone and interval
	{1186, 1186, 4136}, // interval and interval
	{1266, 1186, 4138}, // time with time zone and interval
	{1700, 1700, 4141}, // numeric and numeric
}
