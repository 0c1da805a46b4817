package session

import (
	"strconv"
	"strings"
	"time"

	"kimberlite/planner"
	"kimberlite/sql/catalog"
	"kimberlite/sql/pgerr"
	"kimberlite/sql/types"
)

// defaults are the server's values of settings that differ from the boot values.
type defaults struct{ values map[string]string }

func newDefaults(values map[string]string) (*defaults, error) {
	d := &defaults{values: map[string]string{}}
	for name, v := range values {
		g := findGUC(name)
		if g == nil {
			return nil, pgerr.Newf(pgerr.UndefinedObject, "unrecognized configuration parameter %q", name)
		}
		c, err := g.canonical(v)
		if err != nil {
			return nil, err
		}
		d.values[strings.ToLower(name)] = c
	}
	return d, nil
}

// settings are a session's values. Only what differs from the server's is stored; changes are logged so that a rollback can undo them (S4).
type settings struct {
	base   *defaults
	reset  map[string]string // what RESET goes back to: startup parameters, role and database settings
	values map[string]string // by lower-case name
	undo   []settingChange
	// epoch changes with every change: derived values and cached plans are checked against it.
	epoch  uint64
	cached oftenRead
}

// settingChange remembers a value to restore at rollback, or (local) at the end of the transaction.
type settingChange struct {
	name  string
	value string
	had   bool
	local bool
}

func newSettings(base *defaults) *settings {
	return &settings{base: base, reset: map[string]string{}, values: map[string]string{}}
}

// get returns a stored value; ok is false for a dotted name that nobody has set.
func (s *settings) get(name string) (string, bool) {
	l := strings.ToLower(name)
	if v, ok := s.values[l]; ok {
		return v, true
	}
	if v, ok := s.reset[l]; ok {
		return v, true
	}
	if v, ok := s.base.values[l]; ok {
		return v, true
	}
	if g := findGUC(l); g != nil {
		return g.Boot, true
	}
	return "", false
}

func (s *settings) str(name string) string { v, _ := s.get(name); return v }

func (s *settings) boolean(name string) bool { return s.str(name) == "on" }

func (s *settings) number(name string) float64 {
	v, _ := strconv.ParseFloat(s.str(name), 64)
	return v
}

// duration reads a setting whose unit is milliseconds.
func (s *settings) duration(name string) time.Duration {
	return time.Duration(s.number(name) * float64(time.Millisecond))
}

// set stores a checked value; inside a transaction the old one is remembered.
func (s *settings) set(name, value string, local, inTx bool) {
	l := strings.ToLower(name)
	old, had := s.values[l]
	if inTx {
		s.undo = append(s.undo, settingChange{name: l, value: old, had: had, local: local})
	}
	s.values[l] = value
	s.epoch++
}

// unset goes back to the reset value.
func (s *settings) unset(name string, inTx bool) {
	l := strings.ToLower(name)
	old, had := s.values[l]
	if !had {
		return
	}
	if inTx {
		s.undo = append(s.undo, settingChange{name: l, value: old, had: true})
	}
	delete(s.values, l)
	s.epoch++
}

// mark and rollback serve savepoints.
func (s *settings) mark() int { return len(s.undo) }

func (s *settings) rollback(mark int) {
	for len(s.undo) > mark {
		c := s.undo[len(s.undo)-1]
		s.undo = s.undo[:len(s.undo)-1]
		s.restore(c)
	}
}

func (s *settings) restore(c settingChange) {
	if c.had {
		s.values[c.name] = c.value
	} else {
		delete(s.values, c.name)
		if findGUC(c.name) == nil && c.local {
			s.values[c.name] = "" // a custom setting reads as empty after its transaction, as in PostgreSQL
		}
	}
	s.epoch++
}

// commit ends the transaction: SET LOCAL values go, unless a later plain SET of the same name replaced them.
func (s *settings) commit() {
	if len(s.undo) == 0 {
		return
	}
	settled := map[string]bool{}
	for i := len(s.undo) - 1; i >= 0; i-- {
		c := s.undo[i]
		if settled[c.name] {
			continue
		}
		if !c.local {
			settled[c.name] = true
			continue
		}
		s.restore(c)
	}
	s.undo = s.undo[:0]
}

// derived are values computed from settings, made again when the epoch moves.
type derived struct {
	epoch   uint64
	valid   bool
	io      *types.Ctx
	planner planner.Settings
	input   inputSettings
	workMem int64
	path    []string // search_path as names, $user included
	// track and trackUtility: pg_stat_statements counts this session's statements.
	track, trackUtility bool
}

// parseZone understands a zone name, an abbreviation, or a number of hours.
func parseZone(v string) (*time.Location, string, error) {
	if n, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err == nil {
		loc, name := types.FixedZone(int(n * 3600))
		return loc, name, nil
	}
	return types.LoadZone(strings.Trim(v, "'"))
}

// deriveIO makes the text I/O context of the settings.
func (s *settings) deriveIO(old *types.Ctx, res types.Resolver, reg types.RegResolver) *types.Ctx {
	c := &types.Ctx{Types: res, Reg: reg}
	if old != nil {
		c.Now = old.Now
	}
	style, order, _ := parseDateStyle(s.str("datestyle"), types.DateStyleISO, types.DateOrderMDY)
	c.DateStyle, c.DateOrder = style, order
	c.IntervalStyle = intervalStyle(s.str("intervalstyle"))
	c.TimeZone, c.TimeZoneName, _ = parseZone(s.str("timezone"))
	if c.TimeZone == nil {
		c.TimeZone, c.TimeZoneName = time.UTC, "UTC"
	}
	c.ExtraFloatDigits = int(s.number("extra_float_digits"))
	c.ByteaEscape = s.str("bytea_output") == "escape"
	return c
}

// derivePlanner reads the planner's settings.
func (s *settings) derivePlanner() planner.Settings {
	p := planner.DefaultSettings()
	p.SeqPageCost, p.RandomPageCost = s.number("seq_page_cost"), s.number("random_page_cost")
	p.CPUTupleCost, p.CPUIndexTupleCost, p.CPUOperatorCost = s.number("cpu_tuple_cost"), s.number("cpu_index_tuple_cost"), s.number("cpu_operator_cost")
	p.EffectiveCacheSize = s.number("effective_cache_size")
	p.WorkMem = s.number("work_mem") * 1024
	p.CursorTupleFraction = s.number("cursor_tuple_fraction")
	p.SeqScan, p.IndexScan, p.IndexOnlyScan = s.boolean("enable_seqscan"), s.boolean("enable_indexscan"), s.boolean("enable_indexonlyscan")
	p.BitmapScan, p.TidScan = s.boolean("enable_bitmapscan"), s.boolean("enable_tidscan")
	p.NestLoop, p.HashJoin, p.MergeJoin = s.boolean("enable_nestloop"), s.boolean("enable_hashjoin"), s.boolean("enable_mergejoin")
	p.HashAgg, p.Sort, p.Material = s.boolean("enable_hashagg"), s.boolean("enable_sort"), s.boolean("enable_material")
	p.Memoize, p.IncrementalSort = s.boolean("enable_memoize"), s.boolean("enable_incremental_sort")
	return p
}

// applyRoleSettings takes over ALTER ROLE/DATABASE ... SET: the most specific wins.
func (s *settings) applyRoleSettings(list []*catalog.Setting, db, role types.OID) {
	for _, want := range []struct{ db, role types.OID }{{0, 0}, {db, 0}, {0, role}, {db, role}} {
		for _, st := range list {
			if st.Database != want.db || st.Role != want.role {
				continue
			}
			for _, kv := range st.Values {
				name, value, ok := strings.Cut(kv, "=")
				if !ok {
					continue
				}
				if g := findGUC(name); g != nil {
					if c, err := g.canonical(value); err == nil {
						value = c
					} else {
						continue
					}
				}
				s.reset[strings.ToLower(name)] = value
			}
		}
	}
	s.epoch++
}
