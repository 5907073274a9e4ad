#include "openflow/ports/port_manager.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <map>
#include <set>

#include "openflow/ports/detail/commands.hpp"
#include "openflow/ports/detail/entry.hpp"
#include "openflow/ports/detail/links.hpp"

namespace distributor::ports {
namespace {

constexpr const char* kOwnerKey = "distributor-lb";
constexpr const char* kNamespaceDirectory = "/run/netns";

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

}  // namespace

class PortManager::Impl : public std::enable_shared_from_this<PortManager::Impl> {
 public:
  Impl(boost::asio::io_context& io, ovsdb::Client& client, Config wanted)
      : config(std::move(wanted)), loop(io), database(client), runner(io, config.command_timeout), retry(io), watch(io, [this] { rescan(); }) {}

  void listen() {
    database.add_listener([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->consider_all_soon();
    });
  }

  void rescan() {
    auto listed = list_links();
    if (!listed) {
      say(true, "the list of interfaces cannot be read: " + listed.error());
      retry_later();
      return;
    }
    if (*listed == links) return;
    links = std::move(*listed);
    consider_all_soon();
  }

  void update(const LoadBalancer& lb) {
    const auto* interface = lb.interface_of(config.node);
    if (interface == nullptr) return remove(lb.id);
    auto& entry = entries[lb.id];
    entry.id = lb.id;
    entry.ordinal = lb.ordinal;
    if (entry.interface.mac != interface->mac) entry.attach_failure.clear();
    entry.interface = *interface;
    entry.mtu = lb.mtu;
    entry.wish = namespace_wish(lb, *interface, config.netns_prefix, config.internal_prefix);
    if (entry.built && !entry.wish) {
      remove_internal(entry.ordinal);
      entry.built.reset();
    }
    consider(entry);
  }

  void remove(const LoadBalancerId& id) {
    const auto found = entries.find(id);
    if (found == entries.end()) return;
    const Entry entry = std::move(found->second);
    entries.erase(found);
    count(entry.state, -1);
    if (!entry.port.empty() && !is_shared(entry.port)) detach(entry.port);
    if (entry.wish || entry.built) remove_internal(entry.ordinal);
    if (entry.state.binding && on_binding) on_binding(id, std::nullopt, "unplugged");
  }

  void set_all(const Registry::Map& all) {
    std::vector<LoadBalancerId> gone;
    for (const auto& [id, entry] : entries) {
      if (!all.contains(id)) gone.push_back(id);
    }
    for (const auto& id : gone) remove(id);
    for (const auto& [id, lb] : all) update(*lb);
    sweep_wanted = true;
    sweep();
  }

  void consider_all_soon() {
    if (consider_pending) return;
    consider_pending = true;
    boost::asio::post(loop, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      self->consider_pending = false;
      self->sweep();
      std::vector<LoadBalancerId> ids;
      for (const auto& [id, entry] : self->entries) ids.push_back(id);
      for (const auto& id : ids) {
        if (const auto found = self->entries.find(id); found != self->entries.end()) self->consider(found->second);
      }
    });
  }

  const Link* find_link(const Entry& entry) const { return find_by_mac(links, entry.interface.mac, config.internal_prefix); }
  std::string internal_name(std::uint32_t ordinal) const { return config.internal_prefix + std::to_string(ordinal); }
  bool is_here(const std::string& device) const {
    return std::any_of(links.begin(), links.end(), [&](const Link& link) { return link.name == device; });
  }
  bool is_shared(const std::string& port) const {
    return std::any_of(entries.begin(), entries.end(), [&](const auto& item) { return item.second.port == port; });
  }

  Rows rows_of(const Entry& entry, const Link* link) const {
    Rows rows;
    rows.connected = database.connected();
    if (!rows.connected) return rows;
    if (link != nullptr) rows.plugged = database.port(link->name);
    if (entry.wish) rows.internal = database.port(internal_name(entry.ordinal));
    return rows;
  }

  // Looks at one load balancer, acts, and tells of its binding if that is another one now. May be called at any time.
  void consider(Entry& entry) {
    const auto* link = find_link(entry);
    if (link != nullptr) prepare(entry, *link);
    const auto rows = rows_of(entry, link);
    // Attached by an earlier process: it is ours to detach.
    if (entry.port.empty() && rows.plugged && rows.plugged->bridge == config.bridge) entry.port = link->name;
    for (const auto step : next_steps(entry, link, rows, config.bridge, is_here(internal_name(entry.ordinal)))) act(entry, link, step);
    entry.link_index = link != nullptr ? link->index : 0;
    const auto before = std::exchange(entry.state, observe(entry, link, rows, config.bridge));
    const auto now = entry.state;
    count(before, -1);
    count(now, 1);
    const auto id = entry.id;
    if ((before.present != now.present || before.carrier != now.carrier) && on_links) on_links();
    if ((before.binding != now.binding || (!now.binding && before.reason != now.reason)) && on_binding) on_binding(id, now.binding, now.reason);
  }

  // Asked for after every change: kept up to date rather than counted over thousands of load balancers each time.
  void count(const BindingState& state, int by) {
    const auto add = [by](std::size_t& to, bool applies) {
      if (applies) to += static_cast<std::size_t>(by);
    };
    add(counted.present, state.present);
    add(counted.bound, state.binding.has_value());
    add(counted.links_up, state.present && state.carrier);
  }

  void prepare(const Entry& entry, const Link& link) {
    if (!link.up) {
      if (auto done = set_link_up(link.index); !done) say(true, "interface " + link.name + " cannot be brought up: " + done.error());
    }
    if (entry.mtu && link.mtu != *entry.mtu) {
      if (auto done = set_link_mtu(link.index, *entry.mtu); !done) {
        say(true, "interface " + link.name + " does not take mtu " + std::to_string(*entry.mtu) + ": " + done.error());
      }
    }
  }

  void act(Entry& entry, const Link* link, Step step) {
    switch (step) {
      case Step::detach_old: {
        const auto old = std::exchange(entry.port, "");
        if (!is_shared(old)) detach(old);
        return;
      }
      case Step::attach:
        return attach(entry, *link);
      case Step::attach_internal:
        return attach_internal(entry);
      case Step::build_namespace:
        return build_namespace(entry);
    }
  }

  void attach(Entry& entry, const Link& link) {
    ovsdb::PortSpec spec;
    spec.bridge = config.bridge;
    spec.name = link.name;
    spec.interface_type = config.interface_type;
    spec.options = config.interface_options;
    spec.external_ids = {{kOwnerKey, entry.id.text()}};
    spec.ofport_request = ofport_of_plugged(entry.ordinal);
    // A trunk that carries another load balancer's VLAN already keeps its number and owner.
    if (const auto row = database.port(link.name); row && row->bridge == config.bridge && row->ofport_request && is_shared(link.name)) {
      spec.ofport_request = static_cast<std::uint16_t>(*row->ofport_request);
      spec.external_ids = row->external_ids;
    }
    entry.attaching = true;
    entry.port = link.name;
    database.attach(spec, [weak = weak_from_this(), id = entry.id](const ovsdb::Result<ovsdb::PortRow>& row) {
      const auto self = weak.lock();
      if (!self) return;
      const auto found = self->entries.find(id);
      if (found == self->entries.end()) return;
      found->second.attaching = false;
      found->second.attach_failure = row ? "" : row.error().message;
      row ? self->consider(found->second) : self->retry_later();
    });
  }

  void attach_internal(Entry& entry) {
    ovsdb::PortSpec spec;
    spec.bridge = config.bridge;
    spec.name = internal_name(entry.ordinal);
    spec.kind = ovsdb::PortKind::internal;
    spec.mac = entry.interface.mac.text();
    spec.mtu = entry.mtu;
    spec.external_ids = {{kOwnerKey, entry.id.text()}};
    spec.ofport_request = ofport_of_internal(entry.ordinal);
    entry.attaching_internal = true;
    database.attach(spec, [weak = weak_from_this(), id = entry.id](const ovsdb::Result<ovsdb::PortRow>& row) {
      const auto self = weak.lock();
      if (!self) return;
      const auto found = self->entries.find(id);
      if (found == self->entries.end()) return;
      found->second.attaching_internal = false;
      found->second.vrrp_failure = row ? "" : row.error().message;
      row ? self->consider(found->second) : self->retry_later();
    });
  }

  void build_namespace(Entry& entry) {
    entry.building = true;
    const auto wish = *entry.wish;
    runner.run(commands_to_build(wish, config.ip_program, is_here(wish.device), entry.built), [weak = weak_from_this(), id = entry.id, wish](const std::string& failure) {
      const auto self = weak.lock();
      if (!self) return;
      const auto found = self->entries.find(id);
      if (found == self->entries.end()) return;
      auto& built = found->second;
      built.building = false;
      built.vrrp_failure = failure;
      self->rescan();
      if (failure.empty()) {
        built.built = wish;
        self->say(false, "vrrp_ip " + wish.address.text() + " is on " + wish.device + " in namespace " + wish.name);
        self->consider(built);
      } else {
        self->say(true, failure);
        self->retry_later();
      }
    });
  }

  void detach(const std::string& port) {
    database.detach(port, [weak = weak_from_this(), port](const ovsdb::Result<bool>& done) {
      const auto self = weak.lock();
      if (!self || done) return;
      self->say(true, "port " + port + " cannot be detached yet: " + done.error().message);
      self->sweep_wanted = true;
      self->retry_later();
    });
  }

  void remove_internal(std::uint32_t ordinal) {
    detach(internal_name(ordinal));
    runner.run(commands_to_remove(config.netns_prefix + std::to_string(ordinal), config.ip_program), [](const std::string&) {});
  }

  // Takes away what an earlier process left: ports with our mark and namespaces of our name that no load balancer wants.
  void sweep() {
    if (!sweep_wanted || !database.connected()) return;
    sweep_wanted = false;
    std::set<std::string> ports;
    std::set<std::string> namespaces;
    for (const auto& [id, entry] : entries) {
      if (const auto* link = find_link(entry)) ports.insert(link->name);
      if (!entry.port.empty()) ports.insert(entry.port);
      if (!entry.wish) continue;
      ports.insert(internal_name(entry.ordinal));
      namespaces.insert(entry.wish->name);
    }
    for (const auto& row : database.ports(config.bridge)) {
      if (!row.external_ids.contains(kOwnerKey) || ports.contains(row.name)) continue;
      const auto owner = LoadBalancerId::parse(row.external_ids.at(kOwnerKey));
      if (owner && entries.contains(*owner) && !is_here(row.name)) continue;  // its interface is away and may return
      say(false, "port " + row.name + " is left over; detaching it");
      detach(row.name);
    }
    std::error_code error;
    for (const auto& file : std::filesystem::directory_iterator(kNamespaceDirectory, error)) {
      const auto name = file.path().filename().string();
      if (!name.starts_with(config.netns_prefix) || !is_number(name.substr(config.netns_prefix.size())) || namespaces.contains(name)) continue;
      say(false, "namespace " + name + " is left over; deleting it");
      runner.run(commands_to_remove(name, config.ip_program), [](const std::string&) {});
    }
  }

  void retry_later() {
    if (std::exchange(retry_pending, true)) return;
    retry.expires_after(config.retry_every);
    retry.async_wait([weak = weak_from_this()](boost::system::error_code error) {
      const auto self = weak.lock();
      if (error || !self) return;
      self->retry_pending = false;
      self->rescan();
      self->consider_all_soon();
    });
  }

  void say(bool is_warning, const std::string& text) const {
    if (log) log(is_warning, text);
  }

  Config config;
  boost::asio::io_context& loop;
  ovsdb::Client& database;
  CommandRunner runner;
  boost::asio::steady_timer retry;
  LinkWatch watch;
  std::vector<Link> links;
  std::map<LoadBalancerId, Entry> entries;
  Stats counted;  // but for `wanted`
  BindingChanged on_binding;
  std::function<void()> on_links;
  std::function<void(bool, const std::string&)> log;
  bool consider_pending = false;
  bool retry_pending = false;
  bool sweep_wanted = false;
};

PortManager::PortManager(boost::asio::io_context& io, ovsdb::Client& ovsdb, Config config) : impl_(std::make_shared<Impl>(io, ovsdb, std::move(config))) {
  impl_->listen();
}
PortManager::~PortManager() = default;

void PortManager::on_binding_changed(BindingChanged callback) { impl_->on_binding = std::move(callback); }
void PortManager::on_links_changed(std::function<void()> callback) { impl_->on_links = std::move(callback); }
void PortManager::on_log(std::function<void(bool, const std::string&)> log) { impl_->log = std::move(log); }

bool PortManager::start() {
  const auto watching = impl_->watch.start();
  if (!watching) impl_->say(true, watching.error());
  impl_->rescan();
  return watching.has_value();
}

void PortManager::update(const LoadBalancer& lb) { impl_->update(lb); }
void PortManager::remove(const LoadBalancerId& lb) { impl_->remove(lb); }
void PortManager::set_all(const Registry::Map& all) { impl_->set_all(all); }

bool PortManager::interface_present(const MacAddress& mac) const {
  const auto links = list_links();  // fresh: the watch may be a few milliseconds behind Octavia's next call
  return links && find_by_mac(*links, mac, impl_->config.internal_prefix) != nullptr;
}

BindingState PortManager::state_of(const LoadBalancerId& lb) const {
  const auto found = impl_->entries.find(lb);
  return found == impl_->entries.end() ? BindingState{} : found->second.state;
}

Stats PortManager::stats() const {
  auto stats = impl_->counted;
  stats.wanted = impl_->entries.size();
  return stats;
}

}  // namespace distributor::ports
