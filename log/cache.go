package log

import "go.etcd.io/raft/v3/raftpb"

// cache holds the newest events in memory, contiguous up to the log's last one, so that committing an event reads nothing from disk.
// Guarded by Log.mu.
type cache struct {
	first  Position // of events[0]; the next position when empty
	events []cached
	bytes  int64
}

type cached struct {
	entry *raftpb.Entry
	hash  Hash
	size  int64
}

func (c *cache) len() int       { return len(c.events) }
func (c *cache) next() Position { return c.first + Position(len(c.events)) }

func (c *cache) reset(next Position) { *c = cache{first: next} }

func (c *cache) push(e *raftpb.Entry, hash *Hash, size int64) {
	c.events = append(c.events, cached{e, *hash, size})
	c.bytes += size + cacheEventOverhead
}

// trim drops the oldest events beyond the limit, but never the newest.
func (c *cache) trim(limit int64) {
	for c.bytes > limit && len(c.events) > 1 {
		c.bytes -= c.events[0].size + cacheEventOverhead
		c.events[0] = cached{}
		c.events = c.events[1:]
		c.first++
	}
}

// cutAfter forgets events after p.
func (c *cache) cutAfter(p Position) {
	for len(c.events) > 0 && c.next()-1 > p {
		n := len(c.events) - 1
		c.bytes -= c.events[n].size + cacheEventOverhead
		c.events[n] = cached{}
		c.events = c.events[:n]
	}
	if len(c.events) == 0 {
		c.first = p + 1
	}
}

// get returns the event at p, or nil.
func (c *cache) get(p Position) *cached {
	if p < c.first || p >= c.next() {
		return nil
	}
	return &c.events[p-c.first]
}
