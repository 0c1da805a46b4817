package ddl

import (
	"math"

	pg "github.com/pganalyze/pg_query_go/v5"

	"kimberlite/projections"
	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
	"kimberlite/txn"
)

// newSequence returns the definition of a sequence without options.
func newSequence(typ types.OID) *catalog.Sequence {
	return &catalog.Sequence{T: typ, Start: 1, Increment: 1, Min: 1, Max: sequenceMax(typ), Cache: 1}
}

func sequenceMax(typ types.OID) int64 {
	switch typ {
	case types.OIDInt2:
		return math.MaxInt16
	case types.OIDInt4:
		return math.MaxInt32
	}
	return math.MaxInt64
}

func sequenceMin(typ types.OID) int64 { return -sequenceMax(typ) - 1 }

// sequenceState is what options do to the counter.
type sequenceState struct {
	last    int64
	restart bool
}

// createSequence is CREATE SEQUENCE.
func (r *runner) createSequence(n *pg.CreateSeqStmt) {
	schema, persistence := r.creation(n.Sequence)
	if r.exists(schema, n.Sequence.Relname, n.IfNotExists) {
		return
	}
	rel := r.newRelation(n.Sequence.Relname, schema, 'S', persistence)
	seq := newSequence(types.OIDInt8)
	start, owner := r.sequenceOptions(seq, n.Options, true, false)
	if owner != nil {
		r.ownedBy(rel, seq, owner)
	}
	r.putSequence(rel, seq, start)
}

// putSequence stores a new sequence and its counter.
func (r *runner) putSequence(rel *catalog.Relation, seq *catalog.Sequence, start sequenceState) {
	rel.Sequence = seq
	rel.Storage = r.storage()
	rel.Columns = []catalog.Column{
		{Name: "last_value", T: types.Of(types.OIDInt8), NotNull: true, StatTarget: -1},
		{Name: "log_cnt", T: types.Of(types.OIDInt8), NotNull: true, StatTarget: -1},
		{Name: "is_called", T: types.Of(types.OIDBool), NotNull: true, StatTarget: -1},
	}
	r.Overlay.Put(rel)
	r.setCounter(rel.OID, start.last)
}

func (r *runner) setCounter(seq types.OID, last int64) {
	if r.Txn != nil {
		r.Txn.SetSequence(projections.SequenceState{Sequence: seq, Last: last})
	}
}

// alterSequence is ALTER SEQUENCE.
func (r *runner) alterSequence(n *pg.AlterSeqStmt) {
	rel := r.lookup(n.Sequence)
	if rel == nil {
		if n.MissingOk {
			r.notice("relation \"%s\" does not exist, skipping", n.Sequence.Relname)
			return
		}
		fail(r.noRelation(n.Sequence))
	}
	if rel.RelKind != 'S' {
		failf(pgerr.WrongObjectType, "\"%s\" is not a sequence", rel.Name)
	}
	r.mustOwn(rel)
	r.lock(rel.OID, txn.ShareRowExclusive)
	r.changeSequence(rel.OID, n.Options, n.ForIdentity)
}

// changeSequence applies options to a sequence.
func (r *runner) changeSequence(oid types.OID, options []*pg.Node, identity bool) {
	rel := editRelation(r.rel(oid))
	seq := rel.Sequence
	state, owner := r.sequenceOptions(seq, options, false, identity)
	if owner != nil {
		if seq.Identity {
			fail(pgerr.Newf(pgerr.FeatureNotSupported, "cannot change ownership of identity sequence").
				WithDetail("Sequence \"%s\" is linked to table \"%s\".", rel.Name, r.rel(seq.OwnedBy).Name))
		}
		r.ownedBy(rel, seq, owner)
	}
	r.Overlay.Put(rel)
	if state.restart {
		r.setCounter(oid, state.last)
		return
	}
	r.checkCounter(rel)
}

// checkCounter fails when the counter is outside new bounds.
func (r *runner) checkCounter(rel *catalog.Relation) {
	if r.Txn == nil {
		return
	}
	s := rel.Sequence
	last, _, err := r.Txn.SequenceState(&txn.SequenceDef{OID: rel.OID, Name: rel.Name, Start: s.Start, Increment: s.Increment, Min: s.Min, Max: s.Max, Cycle: s.Cycle})
	must(err)
	checkRestart(s, last)
}

// sequenceOptions applies options to seq (PostgreSQL's init_params). It returns the counter and the OWNED BY name, nil when there was none.
func (r *runner) sequenceOptions(seq *catalog.Sequence, options []*pg.Node, isNew, identity bool) (state sequenceState, owner []*pg.Node) {
	seen := map[string]*pg.DefElem{}
	for _, o := range options {
		d := o.GetDefElem()
		if seen[d.Defname] != nil {
			failAt(d.Location, pgerr.SyntaxError, "conflicting or redundant options")
		}
		seen[d.Defname] = d
	}
	resetMax, resetMin := false, false
	if d := seen["as"]; d != nil {
		if identity && isNew {
			failf(pgerr.SyntaxError, "identity column type must be smallint, integer, or bigint")
		}
		old := seq.T
		typ := r.typeOf(d.Arg.GetTypeName())
		switch typ.OID {
		case types.OIDInt2, types.OIDInt4, types.OIDInt8:
		default:
			failf(pgerr.InvalidParameterValue, "sequence type must be smallint, integer, or bigint")
		}
		if !isNew {
			resetMax, resetMin = seq.Max == sequenceMax(old), seq.Min == sequenceMin(old)
		}
		seq.T = typ.OID
	}
	if d := seen["increment"]; d != nil {
		seq.Increment = defInt64(d)
		if seq.Increment == 0 {
			failf(pgerr.InvalidParameterValue, "INCREMENT must not be zero")
		}
	}
	if d := seen["cycle"]; d != nil {
		seq.Cycle = defBool(d)
	}
	r.sequenceBounds(seq, seen, isNew, resetMin, resetMax)
	if d := seen["start"]; d != nil {
		seq.Start = defInt64(d)
	} else if isNew {
		seq.Start = seq.Min
		if seq.Increment < 0 {
			seq.Start = seq.Max
		}
	}
	if seq.Start < seq.Min {
		failf(pgerr.InvalidParameterValue, "START value (%d) cannot be less than MINVALUE (%d)", seq.Start, seq.Min)
	}
	if seq.Start > seq.Max {
		failf(pgerr.InvalidParameterValue, "START value (%d) cannot be greater than MAXVALUE (%d)", seq.Start, seq.Max)
	}
	state.last = seq.Start
	if d := seen["restart"]; d != nil {
		state.restart = true
		if d.Arg != nil {
			state.last = defInt64(d)
		}
		checkRestart(seq, state.last)
	}
	if d := seen["cache"]; d != nil {
		seq.Cache = defInt64(d)
		if seq.Cache <= 0 {
			failf(pgerr.InvalidParameterValue, "CACHE (%d) must be greater than zero", seq.Cache)
		}
	}
	if d := seen["owned_by"]; d != nil {
		if identity {
			failAt(d.Location, pgerr.SyntaxError, "sequence option \"%s\" not supported here", "OWNED BY")
		}
		owner = d.Arg.GetList().GetItems()
	}
	return state, owner
}

// sequenceBounds applies MINVALUE and MAXVALUE.
func (r *runner) sequenceBounds(seq *catalog.Sequence, seen map[string]*pg.DefElem, isNew, resetMin, resetMax bool) {
	up := seq.Increment > 0
	if d := seen["maxvalue"]; d != nil && d.Arg != nil {
		seq.Max = defInt64(d)
	} else if isNew || d != nil || resetMax {
		seq.Max = -1
		if up || resetMax {
			seq.Max = sequenceMax(seq.T)
		}
	}
	if seq.Max > sequenceMax(seq.T) || seq.Max < sequenceMin(seq.T) {
		failf(pgerr.InvalidParameterValue, "MAXVALUE (%d) is out of range for sequence data type %s", seq.Max, r.typeName(types.Of(seq.T)))
	}
	if d := seen["minvalue"]; d != nil && d.Arg != nil {
		seq.Min = defInt64(d)
	} else if isNew || d != nil || resetMin {
		seq.Min = 1
		if !up || resetMin {
			seq.Min = sequenceMin(seq.T)
		}
	}
	if seq.Min < sequenceMin(seq.T) || seq.Min > sequenceMax(seq.T) {
		failf(pgerr.InvalidParameterValue, "MINVALUE (%d) is out of range for sequence data type %s", seq.Min, r.typeName(types.Of(seq.T)))
	}
	if seq.Min >= seq.Max {
		failf(pgerr.InvalidParameterValue, "MINVALUE (%d) must be less than MAXVALUE (%d)", seq.Min, seq.Max)
	}
}

func checkRestart(seq *catalog.Sequence, last int64) {
	if last < seq.Min {
		failf(pgerr.InvalidParameterValue, "RESTART value (%d) cannot be less than MINVALUE (%d)", last, seq.Min)
	}
	if last > seq.Max {
		failf(pgerr.InvalidParameterValue, "RESTART value (%d) cannot be greater than MAXVALUE (%d)", last, seq.Max)
	}
}

// ownedBy applies OWNED BY { table.column | NONE }.
func (r *runner) ownedBy(rel *catalog.Relation, seq *catalog.Sequence, names []*pg.Node) {
	if len(names) == 1 {
		if str(names[0]) != "none" {
			fail(pgerr.Newf(pgerr.SyntaxError, "invalid OWNED BY option").WithHint("Specify OWNED BY table.column or OWNED BY NONE."))
		}
		seq.OwnedBy, seq.OwnedCol = 0, 0
		return
	}
	t := r.need(rangeVar(names[:len(names)-1]))
	if t.RelKind != 'r' && t.RelKind != 'v' {
		fail(pgerr.Newf(pgerr.WrongObjectType, "sequence cannot be owned by relation \"%s\"", t.Name).WithDetail("%s", notSupportedFor(t)))
	}
	if t.Owner != rel.Owner {
		failf(pgerr.ObjectNotInPrerequisiteState, "sequence must have same owner as table it is linked to")
	}
	if t.Schema != rel.Schema {
		failf(pgerr.ObjectNotInPrerequisiteState, "sequence must be in same schema as table it is linked to")
	}
	name := str(names[len(names)-1])
	att := findColumn(t, name)
	if att == 0 {
		failf(pgerr.UndefinedColumn, "column \"%s\" of relation \"%s\" does not exist", name, t.Name)
	}
	seq.OwnedBy, seq.OwnedCol = t.OID, att
}

// ownedSequences lists the sequences that belong to a column of a table, or to any (0).
func (r *runner) ownedSequences(table types.OID, att int) []*catalog.Relation {
	var out []*catalog.Relation
	for _, d := range r.Overlay.Dependents(catalog.ClassRelation, table, att) {
		if d.Class != catalog.ClassRelation || d.Type != catalog.DepAuto && d.Type != catalog.DepInternal {
			continue
		}
		if s := r.Overlay.Relation(d.OID); s != nil && s.Sequence != nil && s.Sequence.OwnedBy == table && (att == 0 || s.Sequence.OwnedCol == att) {
			out = append(out, s)
		}
	}
	return out
}
