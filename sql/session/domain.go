package session

import (
	"kimberlite/exec"
	"kimberlite/sql/types"
)

// domainChecks are the compiled constraints of the domains whose values this session has read, under one version of the catalog.
type domainChecks struct {
	version uint64
	byOID   map[types.OID]func(*exec.Context, types.Datum) error
}

// checkDomain tests a value that was read from a client's text, alone or as a part of another, against the constraints of its domain.
func (s *Session) checkDomain(t types.OID, d types.Datum) error {
	cat := s.reader()
	k := &s.domains
	if k.byOID == nil || k.version != cat.Version() {
		*k = domainChecks{cat.Version(), map[types.OID]func(*exec.Context, types.Datum) error{}}
	}
	check := k.byOID[t]
	if check == nil {
		var err error
		if check, err = exec.DomainCheck(t, cat); err != nil {
			return err
		}
		k.byOID[t] = check
	}
	env := s.env
	env.IO, env.Catalog = s.drv.io, cat
	return check(&exec.Context{Ctx: s.ctx, Env: &env}, d)
}
