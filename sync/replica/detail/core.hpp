// The state of the core and its parts: contact.cpp (who leads), leading.cpp, following.cpp, snapshot.cpp, clients.cpp, core.cpp (events,
// time, status). One object, because every part reads the same history; one file per subject.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "sync/registry/codec.hpp"
#include "sync/replica/detail/decision.hpp"
#include "sync/replica/detail/history.hpp"
#include "sync/replica/planted.hpp"
#include "sync/replica/replica.hpp"

namespace distributor::replica {

enum class Mode : std::uint8_t { idle, following, leading, failed };

// What this node knows of the other one.
struct Peer {
  bool connected = false;
  std::uint64_t boot = 0;  // of its process; 0 = not heard in this connection
  TimePoint heard{0};      // last message of the present boot; the start of this process if none ever came
  bool excused = false;    // a time in which this process stood still was not counted as silence since then
  bool ever_heard = false;
  Term term;          // highest that it was heard in
  Term told_term;     // ... by its present process
  LogPoint last;      // of its log, as far as it said
  Seq committed;
  Seq programmed;
  Digest state_digest;
  bool leads = false;
  NodeFacts facts;
  std::uint64_t snapshot_begun = 0;      // id of the newest snapshot that its present process began
  std::uint64_t snapshot_installed = 0;  // ... and of the newest that is on the own disk
  std::uint64_t snapshot_given = 0;      // of the newest that its present process has taken from this node

  void hear(TimePoint now) {
    heard = now;
    excused = false;
  }
};

// A comparison of histories under way (Hello). It ends with a decision that both nodes make alike.
struct Comparison {
  bool running = false;
  std::uint64_t number = 0;  // of the own Hello, counts up
  TimePoint started{0};
  bool decided = false;      // from `own` and `other`, at decided_at
  TimePoint decided_at{0};
  Hello own;
  std::optional<Hello> other;
  HelloAnswer answer;        // to `other`, as it was when that came
  TimePoint resend{0};
  std::uint64_t newest = 0;                // number of the latest Hello of the peer's present process
  std::vector<std::uint64_t> superseded;  // processes of the peer that another one took the place of, not known to have ended yet
};

// The leader's view of its follower in the present term.
struct Follower {
  std::uint64_t boot = 0;  // of the process that is meant
  bool streaming = false;  // it was told where the common history ends and gets entries
  LogPoint durable;        // agreed and on its disk
  bool synced = false;
  Seq common;              // newest entry that its locator showed, or its snapshot
  Seq owed;                // up to here an earlier process of it may have acknowledged what it lacks now
  Seq next;                // next entry to send
  TimePoint progress{0};   // last acknowledgement that moved, for resends
};

// An entry that the follower does not take, though it is the next one: a newer version's, say.
struct RefusedEntry {
  Seq seq;
  TimePoint since{0};
  TimePoint asked{0};  // last
};

struct SnapshotOut {
  bool running = false;
  std::uint64_t id = 0;
  LogPoint point;
  std::vector<Registry::Pointer> load_balancers;
  Digest digest;
  std::size_t sent = 0;         // load balancers
  std::uint64_t next_index = 0;  // chunk
  std::uint64_t credited = 0;    // chunks before it arrived
  bool finished = false;         // the last chunk is on its way
  TimePoint progress{0};
};

struct SnapshotIn {
  bool running = false;
  SnapshotBegin begin;
  std::uint64_t next_index = 0;
  std::vector<LoadBalancer> load_balancers;
};

// A client that waits. First for its entry to be committed, then for Open vSwitch.
struct Waiting {
  RequestHandle handle = 0;
  LoadBalancerId lb;
  Seq seq;              // its own entry, or the newest one that its answer rests on
  bool changed = false;
  std::optional<RegistryError> refusal;  // told only once what it rests on is committed: it may still be cut
  TimePoint deadline{0};
  bool committed = false;
  Durability durability = Durability::local;
  Registry::Pointer after;  // the load balancer as it was when this was committed
  TimePoint programmed_deadline{0};
};

struct Queued {
  Submit submit;
  TimePoint deadline{0};
};

// A chunk that was lost, or a disk that takes long over the whole state: each try for the same follower waits twice as long.
inline constexpr Duration kSnapshotPatience = std::chrono::seconds(2);
inline constexpr Duration kSnapshotPatienceMax = std::chrono::seconds(16);
inline constexpr int kStuckAfter = 5;  // times solo_after: half of the time that a client waits

struct Replica::Impl {
  Impl(Config wanted, DurableState durable, TimePoint start);

  // ---- events (core.cpp unless said otherwise)
  void on(const Tick&);
  void on(const PeerConnected&);
  void on(const PeerDisconnected&);
  void on(const PeerMessage& event);
  void on(const PersistDone& event);
  void on(const PersistFailed& event);
  void on(const OwnershipChanged& event);
  void on(const Submit& event);  // clients.cpp
  void on(const Programmed& event);
  void on(const LocalFactsChanged& event);
  void on(const HoldWrites& event);  // clients.cpp
  void on(const InitAlone&);
  void on(const Resync& event);
  void on(const AcknowledgeDropped& event);
  void begin();
  void send_again();
  void run_time();
  TimePoint next_deadline() const;
  Status status() const;
  Phase phase() const;
  bool is_entitled() const;
  std::string why_not() const;

  // ---- contact.cpp
  void start_comparison(const char* why, std::optional<Hello> other = {});
  bool is_repeat(const Hello& hello, bool new_boot);
  void not_my_boot();
  bool is_late(const Header& header, const Hello& hello) const;
  void bury_superseded();
  void send_hello();
  void send_hello(std::uint64_t to_boot);  // 0: whichever process it is
  void hear(std::optional<Hello> hello);
  HelloAnswer answer_to(const Hello& hello) const;
  bool contains(const LogPoint& point, const Hello& hello) const;
  void on_hello(const Header& header, const Hello& hello);
  void decide(const Hello& theirs);
  void follow(const char* why);
  void step_down(const std::string& why);
  bool may_promote() const;

  // ---- leading.cpp
  void promote(const std::string& why, Term above);
  void lead_follower(std::vector<LogPoint> locator);
  void begin_streaming(Seq common);
  void raise_ceiling();
  void send_entries();
  void on_message(const Header& header, const Ack& ack);
  void on_message(const Header& header, const Nack& nack);
  void on_message(const Header& header, const ProgrammedAck& ack);
  void on_message(const Header& header, const Orphans& orphans);
  void answer_orphans();
  void tell_dropped(const std::vector<DroppedChange>& changes);
  struct Compared {
    std::set<LoadBalancerId> touched;       // by this node, since the last common entry
    std::set<const DroppedChange*> done;    // of the orphans: in the log here already
  };
  Compared compare(const Orphans& orphans) const;
  std::optional<std::string> refusal_of(const DroppedChange& change, const Parsed<Command>& command, const Orphans& orphans) const;
  void take_ack(const LogPoint& durable, bool synced, std::uint64_t snapshot);
  void append_command(const Command& command, const std::string& request_id);
  LogEntry enter(const Command& command, const std::string& request_id);
  void persist_entered(std::vector<LogEntry> entries, PersistBatch batch, std::function<void()> then);
  void advance_commit();
  void commit_through(Seq seq);
  void checkpoint();
  bool solo() const;
  bool follower_refuses() const { return refused_entry && now - refused_entry->since >= config.solo_after; }
  bool refuses_on(Seq seq);
  // It is heard, and for so long nothing has moved that changes wait for (its decoder drops what it is sent, it dies at every entry): from
  // then on it is as if it were away.
  bool follower_stuck() const { return now - moved_at >= kStuckAfter * config.solo_after; }
  bool holds_up_nobody() const { return follower_refuses() || follower_stuck(); }
  bool held_by_comparison() const { return comparison.running && !(mode == Mode::leading && follower_stuck() && solo()); }  // not by one that never ends
  void watch_follower();

  // ---- following.cpp
  void on_message(const Header& header, const Append& append);
  void on_message(const Header& header, const Commit& commit);
  void on_message(const Header& header, const Heartbeat& beat);
  void on_message(const Header& header, const Stale&);
  void on_message(const Header& header, const OrphansTaken& taken);
  void follow_commit(Seq committed);
  void log_was_cut();
  void acknowledge();
  void send_nack(NackReason reason);
  void send_orphans();
  std::size_t next_orphans() const;
  std::set<LoadBalancerId> offered() const;  // whose changes the leader has not taken yet
  struct Taken {
    LogPoint agreed;  // newest entry that both logs have
    bool refused = false;
    PersistBatch batch;
    std::vector<LogEntry> cut;
  };
  Taken take_entries(const Append& append);
  bool cut_after(const LogPoint& point, Taken& taken);
  void list_dropped(std::vector<DroppedChange> changes, PersistBatch& batch);
  void bound_dropped(PersistBatch& batch);
  void list_as_orphans(const std::vector<LogEntry>& cut, PersistBatch& batch);
  void compare_digests(const Heartbeat& beat);
  void send_heartbeat();

  // ---- snapshot.cpp
  void begin_snapshot();
  Seq snapshot_seq() const;
  void own_the_point(const LogPoint& point);
  void send_chunks();
  void on_message(const Header& header, const SnapshotCredit& credit);
  void on_message(const Header& header, const SnapshotBegin& begin_of);
  void on_message(const Header& header, const SnapshotChunk& chunk);
  void list_as_replaced(const Registry& state, const LogPoint& point, PersistBatch& batch);
  void keep_beyond(const std::vector<LogEntry>& beyond, PersistBatch& batch);
  void install_snapshot();

  // ---- clients.cpp
  void judge(const Submit& submit, TimePoint deadline);
  void serve_queue();
  void mark_committed();
  void answer_programmed();
  void refuse(RequestHandle handle, RefusalCode code, std::string message);
  void refuse_all(RefusalCode code, const std::string& message);
  void expire_clients();
  void remember(const std::string& request_id, Seq seq);
  void forget(const std::string& request_id, Seq seq);
  void forget_after(Seq seq);
  bool writes_may_proceed() const;
  bool takes_changes() const;
  bool drained() const;
  void expire_hold();

  // ---- small helpers (core.cpp)
  void persist(PersistBatch batch, std::function<void()> then);
  void after_what_is_on_its_way(std::function<void()> then);  // to the disk; at once if nothing is
  void send(Body body);
  void send(Body body, std::uint64_t to_boot);
  void log(Severity severity, std::string text);
  void program_everything_once();
  bool peer_alive() const { return peer.ever_heard && now - peer.heard < config.solo_after; }
  bool peer_silent() const { return now - peer.heard >= config.solo_after; }
  bool standalone() const { return !config.peer_id; }
  bool in_sync() const { return mode == Mode::following && reconciled && durable.seq >= peer.last.seq && meta.ever_synced; }
  // As readiness sees it: under changes a follower is always a few milliseconds behind, and what is on its way was not answered yet.
  bool keeps_up() const { return in_sync() || (mode == Mode::following && in_sync_at && now - *in_sync_at <= std::chrono::seconds(1)); }
  bool of_lower_term(const Header& header) const { return header.term < meta.term && !planted(Planted::accept_lower_term); }
  Term next_term(Term above) const;
  // What the bound of the log leaves of them.
  std::size_t ids_remembered() const { return std::min(config.request_ids_remembered, config.log_keep_max / 4); }

  Config config;
  TimePoint now;
  TimePoint started;
  std::vector<Effect> out;

  Meta meta;               // as persisted or on its way there
  Meta meta_asked;         // the last one that was given to the disk
  bool floor_dirty = false;  // pair_floor moved and is not persisted yet
  History history;
  std::vector<DroppedChange> dropped;
  LogPoint durable;        // newest entry on the own disk
  // Counts how often something was taken out of the log. What was on its way to the disk before says nothing of what stands now: the
  // disk takes it out again in its turn, also where the same entry has come back since.
  std::uint64_t log_generation = 0;
  Seq ceiling_durable;     // leader: of the pairing in this term, on the own disk: nothing beyond may be answered `pair`
  Seq programmed;
  bool begun = false;
  bool everything_asked = false;

  Mode mode = Mode::idle;
  bool fenced = false;     // deposed while VRRP master
  bool edge = false;       // a fresh MASTER edge was not used yet
  bool reconciled = false; // follower: the log agrees with the leader's in this term,
  bool agreement_durable = false;  // ... and the record of that is on disk: only then may `pair` rest on this node
  bool allow_below_floor = false;  // decided upon: each node lacks something of the other's
  bool leader_has_floor = true;    // as it answered: not, if this node's disk is of another time (a restored one)
  bool diverged = false;
  bool term_ready = false; // leader: the term is on disk
  std::optional<std::vector<LogPoint>> follower_locator;  // leader: a follower that waits for the term to be ready
  std::string store_fault; // why mode is failed, and what to do
  std::string verdict;     // why this node may not lead, after a decision
  Ownership ownership = Ownership::unknown;
  NodeFacts facts;

  Peer peer;
  Comparison comparison;
  Follower follower;
  std::optional<RefusedEntry> refused_entry;  // leader
  TimePoint moved_at{0};     // leader: the follower had all then, or took something, or was silent
  Seq moved_to;              // ... what it had then, and of a snapshot: less is no movement, however often it begins anew
  std::uint64_t moved_chunks = 0;
  bool told_stuck = false;   // ... and the journal has it
  SnapshotOut snapshot_out;
  bool snapshot_mends = false;  // ... a state that differs, of a follower whose log reaches: all that it has stays below it
  Duration snapshot_patience = kSnapshotPatience;  // until it begins anew, without a word of it
  SnapshotIn snapshot_in;
  std::uint64_t snapshot_ids = 0;
  std::uint64_t orphan_batch = 1;
  std::uint64_t orphan_batch_sent = 0;
  TimePoint next_orphan_send{0};
  std::size_t orphans_first = 0;   // of dropped: where those begin ...
  std::size_t orphans_unsent = 0;  // ... that the leader has not taken yet
  std::size_t orphans_sent = 0;    // how many of them are in orphan_batch as it was sent
  std::set<LoadBalancerId> given_up;  // ... of which an operator took some back, while the leader may have them; until the logs agree
  LogPoint orphans_common;
  std::pair<std::uint64_t, std::uint64_t> orphans_taken{0, 0};  // leader: boot and batch of the last ones
  bool orphans_durable = false;                                 // ... what became of them is on disk here,
  Seq orphans_through;                                          // ... and in the log up to here,
  bool orphans_answered = false;                                // ... and it was told
  std::optional<TimePoint> orphans_heard;      // leader: the last time, ...
  LogPoint orphans_common_then;                // ... since which entry,
  std::map<LoadBalancerId, std::string> orphans_closed;  // ... and why no further one of these is made: it would stand behind something else
  std::set<Digest> adopted;  // leader: entries that it made of the batches of this process of the peer,
  std::set<std::tuple<Term, Seq, Digest>> orphans_judged;  // ... and which of its changes were judged

  Writes writes = Writes::open;
  TimePoint writes_until{0};
  std::deque<Queued> queue;
  std::vector<Waiting> waiting;
  std::unordered_map<std::string, Seq> request_ids;
  std::deque<std::string> request_order;

  PersistToken tokens = 0;
  std::map<PersistToken, std::vector<std::function<void()>>> persisting;  // in the order of the writes; what follows each
  TimePoint next_heartbeat{0};
  TimePoint next_stale{0};
  TimePoint led_at{0};  // follower: entries or a snapshot came or were asked for; once it agrees with the leader, a word of that one leading
  TimePoint next_nack{0};
  TimePoint next_correction{0};
  std::optional<TimePoint> in_sync_at;  // last, in the present following; at its start: of a log equal to the leader's
  std::deque<std::uint64_t> dead_boots;  // processes of the peer that have ended
  std::uint64_t refused_hellos = 0;
};

}  // namespace distributor::replica
