package consensus

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"

	"kimberlite/log"
)

// A membership event carries, beside raft's change, the addresses of all members after it: id, length, bytes for each, by id. So the newest one is
// enough to know them all.

// AddLearner makes a node a member that receives everything and does not vote.
func (g *Group) AddLearner(ctx context.Context, raftID uint64, address string) (log.Position, error) {
	return g.ChangeMembership(ctx, change(raftpb.ConfChangeType_ConfChangeAddLearnerNode, raftID), []Voter{{RaftID: raftID, Address: address}})
}

// Promote makes a learner a voter.
func (g *Group) Promote(ctx context.Context, raftID uint64) (log.Position, error) {
	return g.ChangeMembership(ctx, change(raftpb.ConfChangeType_ConfChangeAddNode, raftID), nil)
}

// Remove takes a member out of the group.
func (g *Group) Remove(ctx context.Context, raftID uint64) (log.Position, error) {
	return g.ChangeMembership(ctx, change(raftpb.ConfChangeType_ConfChangeRemoveNode, raftID), nil)
}

func change(kind raftpb.ConfChangeType, raftID uint64) *raftpb.ConfChangeV2 {
	return &raftpb.ConfChangeV2{Changes: []*raftpb.ConfChangeSingle{{Type: kind.Enum(), NodeId: &raftID}}}
}

// ChangeMembership proposes a change and returns when it is in force here. addresses are recorded with it. One change at a time.
func (g *Group) ChangeMembership(ctx context.Context, cc *raftpb.ConfChangeV2, addresses []Voter) (log.Position, error) {
	change := proto.Clone(cc).(*raftpb.ConfChangeV2)
	change.Context = encodeAddresses(g.addressesAfter(change, addresses))
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(change)
	if err != nil {
		return 0, err
	}
	p := g.newProposal()
	p.entry = &raftpb.Entry{Type: raftpb.EntryConfChangeV2.Enum(), Data: data}
	p.size = int64(len(data))
	return g.submit(ctx, p)
}

// addressesAfter lists the members' addresses as they are after a change.
func (g *Group) addressesAfter(cc *raftpb.ConfChangeV2, fresh []Voter) []Voter {
	g.mu.Lock()
	all := maps.Clone(g.addresses)
	g.mu.Unlock()
	for _, v := range fresh {
		all[v.RaftID] = v.Address
	}
	for _, c := range cc.Changes {
		if c.GetType() == raftpb.ConfChangeType_ConfChangeRemoveNode {
			delete(all, c.GetNodeId())
		}
	}
	list := make([]Voter, 0, len(all))
	for _, id := range slices.Sorted(maps.Keys(all)) {
		list = append(list, Voter{id, all[id]})
	}
	return list
}

// loadAddresses takes the members' addresses from the newest membership event, if the log still has it.
func (g *Group) loadAddresses(confAt log.Position, conf *raftpb.ConfState) error {
	if last, _ := g.log.Last(); confAt == 0 || confAt < g.log.First() || confAt > last {
		return nil
	}
	events, err := g.log.Read(confAt, confAt+1, applyBytesMax)
	if err != nil {
		return fmt.Errorf("reading the membership at %d: %w", confAt, err)
	}
	if len(events) > 0 && events[0].Kind == log.KindMembership {
		g.noteAddresses(&events[0])
	}
	g.keepMembers(conf)
	g.publishAddresses()
	return nil
}

// noteAddresses takes over the addresses in a membership event.
func (g *Group) noteAddresses(ev *log.Event) {
	var cc raftpb.ConfChangeV2
	if err := proto.Unmarshal(ev.Payload, &cc); err == nil {
		decodeAddresses(cc.GetContext(), g.addresses)
	}
}

// keepMembers forgets the addresses of nodes that are no members.
func (g *Group) keepMembers(conf *raftpb.ConfState) {
	for id := range g.addresses {
		if id != g.id && !slices.Contains(conf.Voters, id) && !slices.Contains(conf.Learners, id) && !slices.Contains(conf.VotersOutgoing, id) {
			delete(g.addresses, id)
		}
	}
}

// publishAddresses tells who wants to know. Caller holds mu, or is Start.
func (g *Group) publishAddresses() {
	if g.core != nil {
		g.keepMembers(g.core.conf)
	}
	if g.cfg.AddressesChanged != nil {
		g.cfg.AddressesChanged(maps.Clone(g.addresses))
	}
}

// encodeAddresses makes the context of a membership event.
func encodeAddresses(voters []Voter) []byte {
	var b []byte
	for _, v := range voters {
		b = binary.AppendUvarint(b, v.RaftID)
		b = binary.AppendUvarint(b, uint64(len(v.Address)))
		b = append(b, v.Address...)
	}
	return b
}

// decodeAddresses is lenient: addresses are a convenience.
func decodeAddresses(b []byte, to map[uint64]string) {
	for len(b) > 0 {
		id, n := binary.Uvarint(b)
		if n <= 0 {
			return
		}
		b = b[n:]
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return
		}
		to[id] = string(b[n : n+int(size)])
		b = b[n+int(size):]
	}
}
