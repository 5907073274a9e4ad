#include "node/daemon/forwarding.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>

#include <algorithm>

#include "node/daemon/monotonic.hpp"

namespace distributor::node {
namespace {

constexpr auto kPortWait = std::chrono::seconds(3);  // an answer does not wait longer for a port that is on its way
constexpr auto kBridgeRetry = std::chrono::seconds(1);

ovsdb::Config ovsdb_config(const Config& config) {
  ovsdb::Config result;
  result.socket_path = config.openflow.ovsdb_socket.string();
  return result;
}

ports::Config ports_config(const Config& config) {
  ports::Config result;
  result.bridge = config.openflow.bridge;
  result.node = config.node_id;
  result.netns_prefix = config.openflow.netns_prefix;
  return result;
}

programmer::Options programmer_options(const Config& config) {
  programmer::Options result;
  result.target = config.openflow.target;
  if (result.target.kind == programmer::Target::Kind::unix_socket && result.target.path.empty()) {
    result.target.path = (config.openflow.run_dir / (config.openflow.bridge + ".mgmt")).string();
  }
  result.meters = pipeline::meters();
  return result;
}

void log_line(const char* who, bool is_warning, const std::string& text) {
  spdlog::log(is_warning ? spdlog::level::warn : spdlog::level::info, "{}: {}", who, text);
}

}  // namespace

Forwarding::Forwarding(boost::asio::io_context& loop, const Config& config, Hooks hooks)
    : loop_(loop),
      config_(config),
      hooks_(std::move(hooks)),
      ovsdb_(loop, ovsdb_config(config)),
      ports_(loop, ovsdb_, ports_config(config)),
      programmer_(loop, programmer_options(config), programmer_events()),
      neighbours_(loop, neighbour_hooks()),
      announce_timer_(loop),
      refresh_timer_(loop),
      give_up_timer_(loop),
      bridge_timer_(loop) {
  ovsdb_.on_log([](bool is_warning, const std::string& text) { log_line("ovsdb", is_warning, text); });
  ovsdb_.add_listener([this] {
    maintain_bridge();
    if (std::exchange(ovsdb_connected_, ovsdb_.connected()) != ovsdb_connected_) hooks_.changed();
  });
  ports_.on_log([](bool is_warning, const std::string& text) { log_line("ports", is_warning, text); });
  ports_.on_links_changed([this] { hooks_.changed(); });
  ports_.on_binding_changed([this](const LoadBalancerId& lb, const std::optional<pipeline::PortBinding>& binding, const std::string& reason) {
    on_binding(lb, binding, reason);
  });
}

programmer::Events Forwarding::programmer_events() {
  programmer::Events events;
  events.on_connection = [this](bool connected, const std::string& why) {
    if (!connected) synchronised_ = false;
    log_line("openflow", !connected, connected ? "connected to bridge " + config_.openflow.bridge : "connection lost: " + why + "; connecting again");
    hooks_.changed();
  };
  events.on_synchronised = [this](const programmer::ProgramReport& report) {
    synchronised_ = true;
    spdlog::info("openflow: bridge {} is as the registry says; {} flow and {} group changes were needed, {:.1f} ms", config_.openflow.bridge,
                 report.flows_sent, report.groups_sent, report.duration_ms);
    report_desired();
    take_fingerprint();
  };
  events.on_capabilities = [this](const programmer::Capabilities& found) { on_capabilities(found); };
  events.on_packet_in = [this](const wire::PacketIn& packet) { neighbours_.on_frame(packet); };
  events.on_programmed = [this](const programmer::ProgramReport& report) { programming_times_.add(report.duration_ms / 1000.0); };
  events.on_repaired = [this](const programmer::ProgramReport& report) {
    spdlog::warn("openflow: somebody else changed bridge {}: {} flows and {} groups put right after {:.1f} ms; the distributor owns all of its rules",
                 config_.openflow.bridge, report.flows_sent, report.groups_sent, report.duration_ms);
    hooks_.changed();
  };
  events.on_refused = [](const programmer::ProgramError& error) { spdlog::error("openflow: {}", error.message); };
  // A commit that was late or refused has answered already: what it brought is reported when it stands.
  events.on_settled = [this] {
    spdlog::info("openflow: everything that was late or refused is programmed now");
    if (synchronised_) report_desired();
  };
  return events;
}

Neighbours::Hooks Forwarding::neighbour_hooks() {
  Neighbours::Hooks hooks;
  hooks.place = [this](const LoadBalancerId& id) { return place_of(hooks_.registry().find(id).get()); };
  hooks.place_of = [this](std::uint32_t ordinal) {
    const auto found = std::find_if(ordinals_.begin(), ordinals_.end(), [&](const auto& one) { return one.second == ordinal; });
    return found == ordinals_.end() ? std::nullopt : place_of(hooks_.registry().find(found->first).get());
  };
  hooks.send = [this](std::uint32_t port, std::vector<std::string> frames) {
    std::vector<wire::PacketOut> batch;
    for (auto& frame : frames) {
      batch.push_back({wire::kPortController, wire::Actions{wire::Action::output(port)}, std::move(frame)});
    }
    programmer_.packet_out(batch);  // not sent: asked again, by the client or by the next probe
  };
  hooks.gateway_changed = [this](const LoadBalancerId& id) {
    if (const auto lb = hooks_.registry().find(id)) render(*lb);
    render_set_aside();
    programmer_.commit([this](const auto&) { hooks_.changed(); });
  };
  return hooks;
}

std::optional<Neighbours::Place> Forwarding::place_of(const LoadBalancer* lb) const {
  if (lb == nullptr) return std::nullopt;
  const auto state = ports_.state_of(lb->id);
  if (!state.binding) return std::nullopt;
  return Neighbours::Place{hooks_.registry().find(lb->id), *state.binding};
}

// Called before the first comparison of a connection: what is rendered here is compared.
void Forwarding::on_capabilities(const programmer::Capabilities& found) {
  const bool meters = found.meters_max >= pipeline::meters().size();
  if (found.nd_fields == pipeline_options_.nd_by_rules && meters == pipeline_options_.meters) return;
  pipeline_options_.nd_by_rules = found.nd_fields;
  pipeline_options_.meters = meters;
  spdlog::info("openflow: {}; {}",
               found.nd_fields ? "the datapath answers neighbour solicitations itself"
                               : "the datapath cannot write ND fields: the daemon answers neighbour solicitations",
               meters ? "ICMP errors are copied to every amphora" : "it has not enough meters: ICMP errors are not copied to every amphora");
  for (const auto& [id, ordinal] : std::map(ordinals_)) {
    if (const auto lb = hooks_.registry().find(id)) render(*lb);
  }
}

// At each connection: an upgrade of Open vSwitch may bring another hash.
void Forwarding::take_fingerprint() {
  if (std::exchange(taking_fingerprint_, true)) return;
  fingerprint::take(loop_, config_.openflow.run_dir, config_.openflow.bridge, pipeline::kFingerprintGroup,
                    [this](tl::expected<fingerprint::Fingerprint, std::string> found) {
                      taking_fingerprint_ = false;
                      if (!found) {
                        spdlog::warn("openflow: which hash Open vSwitch chooses with is not known: {}", found.error());
                        hash_.reset();
                      } else if (hash_ != *found) {
                        hash_ = std::move(*found);
                        spdlog::info("openflow: Open vSwitch chooses buckets with {}", hash_->text);
                        if (!hash_->variant) spdlog::warn("openflow: that hash is not known here: `where` cannot be answered");
                      }
                      hooks_.changed();
                    });
}

void Forwarding::start() {
  ovsdb_.start();
  if (!ports_.start()) spdlog::error("ports: no netlink watch: interfaces that are plugged later are seen only when asked for");
  programmer_.start();
}

void Forwarding::maintain_bridge() {
  if (!ovsdb_.connected()) {
    bridge_ensured_ = false;
    return;
  }
  if (bridge_pending_ || (bridge_ensured_ && ovsdb_.bridge(config_.openflow.bridge))) return;
  bridge_pending_ = true;
  ovsdb::BridgeSpec spec;
  spec.keep_controllers = config_.openflow.target.kind != programmer::Target::Kind::unix_socket;
  spec.name = config_.openflow.bridge;
  spec.datapath_type = config_.openflow.datapath_type;
  ovsdb_.ensure_bridge(spec, [this](const ovsdb::Result<ovsdb::BridgeRow>& row) {
    bridge_ensured_ = row.has_value();
    if (row) {
      bridge_pending_ = false;
      return;
    }
    spdlog::warn("ovsdb: bridge {} is not there: {}; trying again", config_.openflow.bridge, row.error().message);
    bridge_timer_.expires_after(kBridgeRetry);
    bridge_timer_.async_wait([this](boost::system::error_code error) {
      if (error) return;
      bridge_pending_ = false;
      maintain_bridge();
    });
  });
}

void Forwarding::program(Seq seq, const std::vector<LoadBalancerId>& touched, bool everything) {
  Waiting waiting{seq, {}, std::chrono::steady_clock::now() + kPortWait};
  std::set<LoadBalancerId> ids(touched.begin(), touched.end());
  if (everything) {
    ++epoch_;
    desired_ = programmed_ = Seq{0};
    waiting_.clear();
    for (const auto& [id, ordinal] : ordinals_) ids.insert(id);
    for (const auto& [id, lb] : hooks_.registry().all()) ids.insert(id);
  }
  // What ends first: a new load balancer gets the lowest free ordinal, maybe of one that ends in the same step, and its interface.
  for (const auto& id : ids) end(id);
  if (everything) ports_.set_all(hooks_.registry().all());
  for (const auto& id : ids) {
    if (const auto lb = hooks_.registry().find(id)) bring(*lb);
  }
  render_set_aside();
  for (const auto& id : ids) {
    if (!is_settled(id)) waiting.unsettled.insert(id);
  }
  registry_known_ = true;
  waiting_.push_back(std::move(waiting));
  start_programming_if_known();
  advance();
}

void Forwarding::bring(const LoadBalancer& lb) {
  ports_.update(lb);
  render(lb);
}

// Takes away what a load balancer has and the registry does not give it any more.
void Forwarding::end(const LoadBalancerId& id) {
  const auto lb = hooks_.registry().find(id);
  if (lb == nullptr) {
    ports_.remove(id);
    neighbours_.forget(id);
    set_aside_.erase(id);
  }
  const auto found = ordinals_.find(id);
  if (found != ordinals_.end() && (lb == nullptr || found->second != lb->ordinal)) take_rules_away(id);
}

void Forwarding::take_rules_away(const LoadBalancerId& id) {
  const auto found = ordinals_.find(id);
  if (found == ordinals_.end()) return;
  programmer_.remove(found->second);
  ordinals_.erase(found);
}

void Forwarding::render(const LoadBalancer& lb) {
  const auto state = ports_.state_of(lb.id);
  set_aside_.erase(lb.id);
  const auto found = ordinals_.find(lb.id);
  if (found != ordinals_.end() && (!state.binding || found->second != lb.ordinal)) take_rules_away(lb.id);
  if (!state.binding) return;
  auto options = pipeline_options_;
  options.gateways = neighbours_.gateways_of(lb.id);
  if (auto set = programmer_.set_desired(lb.ordinal, pipeline::render(lb, *state.binding, options)); !set) {
    set_aside_.emplace(lb.id, set.error().message);
    return;
  }
  ordinals_[lb.id] = lb.ordinal;
  neighbours_.follow(lb);
}

// Rules that another load balancer had the names of: it may have moved since, or wait itself for what these leave (VLANs that change hands).
void Forwarding::render_set_aside() {
  const auto aside = std::exchange(set_aside_, {});
  for (const auto& [id, why] : aside) take_rules_away(id);
  for (const auto& [id, why] : aside) {
    if (const auto lb = hooks_.registry().find(id)) render(*lb);
    if (set_aside_.contains(id)) spdlog::error("openflow: rules of load balancer {} are set aside: {}", id.text(), set_aside_.at(id));
  }
}

void Forwarding::on_binding(const LoadBalancerId& id, const std::optional<pipeline::PortBinding>& binding, const std::string& reason) {
  const auto lb = hooks_.registry().find(id);
  if (lb == nullptr) return;
  if (binding) {
    spdlog::info("load balancer {}: port {} carries it{}{}", id.text(), binding->ofport, reason.empty() ? "" : "; ", reason);
  } else {
    spdlog::warn("load balancer {}: has no port on this node: {}", id.text(), reason);
  }
  render(*lb);
  render_set_aside();
  if (binding && owner_) plan_announcements(*lb);
  hooks_.changed();
  // A binding may change outside any registry change (hot-plug, interface gone): nobody else would commit it. At a start they come by
  // the thousand: one look at who waits, and one commit, for all that come in one go.
  if (std::exchange(binding_commit_posted_, true)) return;
  boost::asio::post(loop_, [this] {
    binding_commit_posted_ = false;
    advance();
    programmer_.commit([this](const auto&) { hooks_.changed(); });
  });
}

void Forwarding::start_programming_if_known() {
  if (programming_ || !registry_known_ || !gate_known_) return;
  programming_ = true;
  programmer_.start_programming();
}

bool Forwarding::is_settled(const LoadBalancerId& id) const {
  const auto lb = hooks_.registry().find(id);
  if (lb == nullptr || lb->interface_of(config_.node_id) == nullptr) return true;
  if (set_aside_.contains(id)) return false;
  const auto state = ports_.state_of(id);
  return !state.present || state.binding.has_value();
}

void Forwarding::advance() {
  const auto now = std::chrono::steady_clock::now();
  while (!waiting_.empty()) {
    auto& front = waiting_.front();
    std::erase_if(front.unsettled, [this](const LoadBalancerId& id) { return is_settled(id); });
    if (!front.unsettled.empty() && now < front.give_up) {
      give_up_timer_.expires_at(front.give_up);
      give_up_timer_.async_wait([this](boost::system::error_code error) {
        if (!error) advance();
      });
      return;
    }
    desired_ = std::max(desired_, front.seq);
    const auto seq = front.seq;
    waiting_.pop_front();
    commit(seq);
  }
}

void Forwarding::commit(Seq seq) {
  programmer_.commit([this, seq, epoch = epoch_](const tl::expected<programmer::ProgramReport, programmer::ProgramError>& report) {
    if (epoch != epoch_) return;
    if (report) return report_programmed(seq);
    spdlog::warn("openflow: change {} is not programmed yet: {}", seq.value, report.error().message);
    hooks_.changed();
  });
}

// A change that came in the meantime may not have been sent yet.
void Forwarding::report_desired() { programmer_.programmed() ? report_programmed(desired_) : commit(desired_); }

void Forwarding::report_programmed(Seq seq) {
  if (registry_known_ && seq >= programmed_) {
    programmed_ = seq;
    hooks_.programmed(seq);
  }
  hooks_.changed();
}

void Forwarding::set_gate(bool open) {
  const bool opened = open && !owner_;
  owner_ = open;
  gate_known_ = true;
  if (!open) stop_announcing();
  if (auto set = programmer_.set_desired(programmer::kBaseKey, pipeline::render_base(open)); !set) {
    spdlog::error("openflow: shared rules are set aside: {}", set.error().message);
    return;
  }
  start_programming_if_known();
  const auto begin = std::chrono::steady_clock::now();
  programmer_.commit_urgent(programmer::kBaseKey, [this, open, opened, begin](const tl::expected<programmer::ProgramReport, programmer::ProgramError>& report) {
    const auto took = in_ms(std::chrono::steady_clock::now() - begin);
    if (!report) {
      spdlog::error("openflow: the ARP/ND gate is not {} yet: {}", open ? "open" : "closed", report.error().message);
    } else if (report->flows_sent > 0 || opened) {
      spdlog::info("openflow: ARP/ND gate {} after {:.2f} ms", open ? "open" : "closed", took);
    }
    hooks_.gate_settled(open, report.has_value());
    hooks_.changed();
  });
}

void Forwarding::reconcile() {
  if (programming_) programmer_.reconcile();
}

void Forwarding::counters(const LoadBalancer& lb, CountersDone done) {
  const auto group = pipeline::group_id_of(lb.ordinal, pipeline::GroupRole::select);
  auto positions = pipeline::bucket_positions(lb);
  programmer_.query_counters([group, positions = std::move(positions), done = std::move(done)](
                                 const tl::expected<programmer::CounterReport, programmer::ProgramError>& report) {
    if (!report) return done(tl::make_unexpected(report.error().message));
    Counters counters;
    for (const auto& position : positions) {
      const auto found = std::find_if(report->buckets.begin(), report->buckets.end(), [&](const programmer::BucketCounters& bucket) {
        return bucket.group_id == group && bucket.bucket_id == position.value;
      });
      counters.emplace_back(position, found == report->buckets.end() ? wire::Counters{} : found->counters);
    }
    done(std::move(counters));
  });
}

void Forwarding::all_counters(std::function<void(tl::expected<BucketMap, std::string>)> done) {
  programmer_.query_counters([done = std::move(done)](const tl::expected<programmer::CounterReport, programmer::ProgramError>& report) {
    if (!report) return done(tl::make_unexpected(report.error().message));
    BucketMap counted;
    for (const auto& bucket : report->buckets) counted.emplace(std::pair(bucket.group_id, bucket.bucket_id), bucket.counters);
    done(std::move(counted));
  });
}

Forwarding::Health Forwarding::health() const {
  const auto stats = ports_.stats();
  Health health;
  // Without ovsdb-server, ovs-vswitchd runs no bridge: a userspace datapath forwards nothing until it is back (a second,
  // by its own reconnection timer). The kernel's goes on.
  const bool forwards = ovsdb_connected_ || config_.openflow.datapath_type != "netdev";
  health.synchronised = synchronised_ && forwards;
  health.programmed = synchronised_ && waiting_.empty() && programmed_ >= desired_ && programmer_.programmed();
  health.links_up = static_cast<std::uint32_t>(stats.links_up);
  health.links_wanted = static_cast<std::uint32_t>(stats.wanted);
  return health;
}

}  // namespace distributor::node
