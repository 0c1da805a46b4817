package logging

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Levels is a parsed level specification: a default and exceptions by component.
type Levels struct {
	def    zapcore.Level
	byName map[string]zapcore.Level
}

// ParseLevels reads "info,consensus=debug" and RUST_LOG's "kimberlite=debug,kimberlite::log=trace".
func ParseLevels(spec string) (Levels, error) {
	l := Levels{def: zapcore.InfoLevel, byName: map[string]zapcore.Level{}}
	for _, part := range strings.Split(spec, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		name, word, named := strings.Cut(part, "=")
		if !named {
			name, word = "", part
		}
		level, ok := levelNames[strings.ToLower(strings.TrimSpace(word))]
		if !ok {
			return l, fmt.Errorf("%q is no log level; use debug, info, warn, error or off", word)
		}
		name = strings.TrimPrefix(strings.ReplaceAll(strings.TrimSpace(name), "::", "."), "kimberlite")
		if name = strings.Trim(name, "."); name == "" {
			l.def = level
		} else {
			l.byName[name] = level
		}
	}
	return l, nil
}

// levelOff is above everything that is ever logged.
const levelOff = zapcore.FatalLevel + 1

var levelNames = map[string]zapcore.Level{
	"trace": zapcore.DebugLevel, "debug": zapcore.DebugLevel, "info": zapcore.InfoLevel, "warn": zapcore.WarnLevel, "warning": zapcore.WarnLevel,
	"error": zapcore.ErrorLevel, "off": levelOff,
}

// Loggers makes a logger for each component, whose level can change while it runs.
type Loggers struct {
	encoder zapcore.Encoder
	sink    zapcore.WriteSyncer

	mu     sync.Mutex
	levels Levels
	byName map[string]zap.AtomicLevel
}

// New logs to w in the given format (json or console).
func New(w io.Writer, format, spec string) (*Loggers, error) {
	l, err := ParseLevels(spec)
	if err != nil {
		return nil, err
	}
	cfg := zapcore.EncoderConfig{
		TimeKey: "ts", LevelKey: "level", NameKey: "component", MessageKey: "msg", StacktraceKey: "stack", LineEnding: "\n",
		EncodeLevel: zapcore.LowercaseLevelEncoder, EncodeDuration: zapcore.StringDurationEncoder, EncodeName: zapcore.FullNameEncoder,
		EncodeTime: func(t time.Time, enc zapcore.PrimitiveArrayEncoder) {
			enc.AppendString(t.UTC().Format("2006-01-02T15:04:05.000000Z07:00"))
		},
	}
	enc := zapcore.NewJSONEncoder(cfg)
	if format == "console" {
		enc = zapcore.NewConsoleEncoder(cfg)
	}
	return &Loggers{encoder: enc, sink: zapcore.Lock(zapcore.AddSync(w)), levels: l, byName: map[string]zap.AtomicLevel{}}, nil
}

// For returns the logger of a component.
func (g *Loggers) For(component string) *zap.Logger {
	g.mu.Lock()
	defer g.mu.Unlock()
	level, ok := g.byName[component]
	if !ok {
		level = zap.NewAtomicLevelAt(g.levels.of(component))
		g.byName[component] = level
	}
	return zap.New(zapcore.NewCore(g.encoder.Clone(), g.sink, level)).Named(component)
}

// SetLevels changes all components' levels.
func (g *Loggers) SetLevels(spec string) error {
	l, err := ParseLevels(spec)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.levels = l
	for name, level := range g.byName {
		level.SetLevel(l.of(name))
	}
	return nil
}

// of returns a component's level: its own, or that of the nearest one above it ("sql" for "sql.session").
func (l Levels) of(component string) zapcore.Level {
	for name := component; name != ""; {
		if level, ok := l.byName[name]; ok {
			return level
		}
		i := strings.LastIndexByte(name, '.')
		if i < 0 {
			break
		}
		name = name[:i]
	}
	return l.def
}

// Pebble passes Pebble's messages on: routine ones at debug level, errors as errors.
type Pebble struct {
	Log *zap.Logger
	// Fatal is called when Pebble cannot go on; it must not return.
	Fatal func(text string)
}

func (p Pebble) Infof(format string, args ...any)  { p.Log.Debug(fmt.Sprintf(format, args...)) }
func (p Pebble) Errorf(format string, args ...any) { p.Log.Error(fmt.Sprintf(format, args...)) }

// Fatalf must not return: Pebble calls it when going on would damage data.
func (p Pebble) Fatalf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	p.Log.Error("the row store cannot go on", zap.String("reason", text))
	if p.Fatal != nil {
		p.Fatal(text)
	}
	panic(text)
}

// Raft passes raft's messages on; its "info" is news only to those who debug consensus.
func Raft(log *zap.Logger) func(level, message string) {
	return func(level, message string) {
		switch level {
		case "debug", "info":
			log.Debug(message)
		case "warning":
			log.Warn(message)
		default:
			log.Error(message)
		}
	}
}
