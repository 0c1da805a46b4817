package consensus

import (
	"fmt"

	"go.etcd.io/raft/v3"
	"go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// core is the part of consensus that decides. It gets proposals, messages and ticks, and returns what should be done about them: entries to
// persist, entries to apply, messages to send. It has no goroutine, clock, disk or network; a test keeps it so. Not safe for
// concurrent use: Group.mu guards it.
//
// Invariants:
//
//	C1 Appends are to be done in the order in which they were returned, applies likewise; the two are independent of each other.
//	C2 The responses of an append are stepped only when everything in it is durable.
//	C3 An entry is returned for applying only when it is committed and durable here, in order, exactly once.
//	C4 raft panics where its storage fails it. No panic leaves core: it becomes an error, and the core is dead from then on.
type core struct {
	id     uint64
	node   *raft.RawNode
	leader uint64
	role   raft.StateType
	conf   *raftpb.ConfState
	last   uint64 // index of the newest entry that ready returned, or that was there at the start
	confAt uint64 // membership changes up to this index are in conf already
	dead   error
}

// work is what should happen next. Messages to others may be sent at once.
type work struct {
	appends  []*raftpb.Message // MsgStorageAppend
	applies  []*raftpb.Message // MsgStorageApply
	messages []*raftpb.Message
	reads    []raft.ReadState
}

type coreConfig struct {
	id            uint64
	storage       raft.Storage
	applied       uint64
	conf          *raftpb.ConfState
	confAt        uint64
	electionTicks int
	logger        raft.Logger
}

func newCore(cfg coreConfig) (c *core, err error) {
	c = &core{id: cfg.id, conf: cfg.conf, confAt: cfg.confAt}
	if c.last, err = cfg.storage.LastIndex(); err != nil {
		return nil, err
	}
	err = c.guard(func() error {
		c.node, err = raft.NewRawNode(&raft.Config{
			ID: cfg.id, Storage: cfg.storage, Applied: cfg.applied,
			ElectionTick: cfg.electionTicks, HeartbeatTick: heartbeatTicks,
			AsyncStorageWrites: true, PreVote: true, CheckQuorum: true,
			MaxSizePerMsg: messageBytesMax, MaxCommittedSizePerReady: applyBytesMax, MaxUncommittedEntriesSize: uncommittedBytesMax,
			MaxInflightMsgs: inflightMessagesMax, MaxInflightBytes: inflightBytesMax,
			// A proposal carries decisions of the leader (times, row ids), so only the leader may make one.
			DisableProposalForwarding: true,
			StepDownOnRemoval:         true,
			Logger:                    cfg.logger,
		})
		return err
	})
	return c, err
}

// guard runs f and turns a panic into an error that kills the core.
func (c *core) guard(f func() error) (err error) {
	if c.dead != nil {
		return c.dead
	}
	defer func() {
		if r := recover(); r != nil {
			if cause, ok := r.(error); ok {
				c.dead = fmt.Errorf("raft cannot go on: %w", cause)
			} else {
				c.dead = fmt.Errorf("raft cannot go on: %v", r)
			}
			err = c.dead
		}
	}()
	return f()
}

func (c *core) isLeader() bool { return c.leader == c.id }

// singleton tells whether this node is the only voter, so that it needs nobody's consent.
func (c *core) singleton() bool {
	return len(c.conf.Voters) == 1 && c.conf.Voters[0] == c.id && len(c.conf.VotersOutgoing) == 0
}

func (c *core) campaign() error { return c.guard(c.node.Campaign) }

func (c *core) tick() error { return c.guard(func() error { c.node.Tick(); return nil }) }

// step takes a message from another member, or a response that came with an append or apply. A stale message is no error.
func (c *core) step(m *raftpb.Message) error {
	return c.guard(func() error {
		if err := c.node.Step(m); err != nil && err != raft.ErrProposalDropped && err != raft.ErrStepPeerNotFound {
			return err
		}
		return nil
	})
}

// propose hands entries to raft, all or none: 0 means that they were dropped, else it is the index of the first. raft copies them; it replaces
// in the slice a membership change that it refuses by an empty entry. ready must have been called after the last step.
func (c *core) propose(entries []*raftpb.Entry) (first uint64, err error) {
	first = c.last + 1
	err = c.guard(func() error {
		err := c.node.Step(&raftpb.Message{Type: raftpb.MsgProp.Enum(), From: &c.id, Entries: entries})
		if err == raft.ErrProposalDropped {
			first = 0
			return nil
		}
		return err
	})
	return first, err
}

func (c *core) readIndex(context []byte) error {
	return c.guard(func() error { c.node.ReadIndex(context); return nil })
}

func (c *core) transferLeader(to uint64) error {
	return c.guard(func() error { c.node.TransferLeader(to); return nil })
}

func (c *core) unreachable(id uint64) error {
	return c.guard(func() error { c.node.ReportUnreachable(id); return nil })
}

// applyMembership makes a committed membership change effective. changed is false when conf contains it already.
func (c *core) applyMembership(index uint64, payload []byte) (changed bool, err error) {
	if index <= c.confAt {
		return false, nil
	}
	var cc raftpb.ConfChangeV2
	if err := proto.Unmarshal(payload, &cc); err != nil {
		return false, fmt.Errorf("decoding the membership change at %d: %w", index, err)
	}
	err = c.guard(func() error {
		c.conf = c.node.ApplyConfChange(&cc)
		c.confAt = index
		return nil
	})
	return true, err
}

// ready adds what should happen next to w.
func (c *core) ready(w *work) error {
	return c.guard(func() error {
		for c.node.HasReady() {
			rd := c.node.Ready()
			if rd.SoftState != nil {
				c.leader, c.role = rd.SoftState.Lead, rd.SoftState.RaftState
			}
			w.reads = append(w.reads, rd.ReadStates...)
			for _, m := range rd.Messages {
				switch m.GetTo() {
				case raft.LocalAppendThread:
					w.appends = append(w.appends, m)
					if n := len(m.Entries); n > 0 {
						c.last = m.Entries[n-1].GetIndex()
					}
				case raft.LocalApplyThread:
					w.applies = append(w.applies, m)
				default:
					w.messages = append(w.messages, m)
				}
			}
		}
		return nil
	})
}
