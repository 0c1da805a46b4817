package server

import (
	"os"
	"runtime/debug"
	rt "runtime/metrics"
	"time"

	"kimberlite/server/config"
)

// limitMemory gives the Go runtime a soft limit, unless the operator did by GOMEMLIMIT.
func (n *Node) limitMemory() {
	limit := n.cfg.MemoryLimit
	if limit == 0 && os.Getenv("GOMEMLIMIT") == "" {
		limit = int64(float64(machineMemory()) * memoryShare)
	}
	if limit > 0 {
		debug.SetMemoryLimit(max(limit, memoryFloor))
	}
}

// cacheBytes is the size of the block cache.
func cacheBytes(c *config.Config) int64 {
	if c.CacheSize > 0 {
		return c.CacheSize
	}
	return max(int64(float64(machineMemory())*cacheShare), cacheFloor)
}

// tendMemory does two things that the runtime cannot know to be good here.
//
// While the node works and little is alive, collections are spaced out: at the usual setting a heap of 8 MB is collected after every 8 MB of garbage, some
// hundred times a second under load, and that takes a fifth of the processor.
//
// Once after each busy time memory goes back to the operating system: sessions have rested by then (pgwire.Rester), but the runtime would keep
// their pages for minutes.
func (n *Node) tendMemory() {
	ticker := time.NewTicker(quietInterval)
	defer ticker.Stop()
	var last uint64
	quiet, tidied, percent := 0, false, 100
	adapt := os.Getenv("GOGC") == ""
	for {
		select {
		case <-n.quit:
			if adapt {
				debug.SetGCPercent(100)
			}
			return
		case <-ticker.C:
		}
		if adapt {
			if next := gcPercent(liveHeap()); next > percent*5/4 || next < percent*4/5 { // each change stops the world for a moment
				percent = next
				debug.SetGCPercent(percent)
			}
		}
		m := n.wire.Metrics()
		if now := m.SimpleQueries.Load() + m.Executes.Load() + 2*m.Accepted.Load() - uint64(m.Connections.Load()); now != last || n.wire.Running() > 0 {
			last, quiet, tidied = now, 0, false
			continue
		}
		if quiet++; quiet >= quietTicks && !tidied {
			debug.FreeOSMemory()
			tidied = true
		}
	}
}

// gcPercent is the runtime's GOGC for a live heap: at least garbageFloor of garbage between two collections, but never less often than usual.
func gcPercent(live uint64) int {
	return int(min(max(garbageFloor*100/max(live, 1), 100), gcPercentMax))
}

// liveHeap returns the bytes that the last collection left.
func liveHeap() uint64 {
	sample := []rt.Sample{{Name: "/gc/heap/live:bytes"}}
	rt.Read(sample)
	if sample[0].Value.Kind() != rt.KindUint64 {
		return 1 << 62 // unknown: the usual setting
	}
	return sample[0].Value.Uint64()
}
