"""The lab's own parts, without the daemon: networks, traffic programs and captures against rules set by hand.

What a later test concludes rests on these. The rules are the ones known to work with Linux neighbours; they share no code
with the daemon.
"""

import os
import subprocess
import sys
import time

import pytest

from lab import frames, plan, traffic
from lab.lab import LABS, Lab, sweep
from lab.system import wait_until

PORT = 1


def hand_made_rules(lab, node, answer=True):
    """A bundle for ovs-ofctl: one load balancer of the first four amphorae; `answer`: with the ARP and ND responders."""
    own = plan.front_mac(1, node)
    buckets = "".join(f",bucket=bucket_id:{i},weight:1,actions=set_field:{own}->eth_src,set_field:{lab.mac(i)}->eth_dst,in_port"
                      for i in range(4))
    lines = [f"group add_or_mod group_id=1,type=select,selection_method=hash,fields(ip_src,ipv6_src){buckets}",
             "flow add table=0,priority=0,actions=drop",
             f"flow add table=0,priority=100,in_port={PORT},dl_dst={own},ip,nw_dst={plan.VIP4},actions=group:1",
             f"flow add table=0,priority=100,in_port={PORT},dl_dst={own},ipv6,ipv6_dst={plan.VIP6},actions=group:1"]
    if answer:
        lines += [
            f"flow add table=0,priority=200,in_port={PORT},arp,arp_op=1,arp_tpa={plan.VIP4},"
            f"actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],set_field:{own}->eth_src,set_field:2->arp_op,"
            f"move:NXM_NX_ARP_SHA[]->NXM_NX_ARP_THA[],move:NXM_OF_ARP_SPA[]->NXM_OF_ARP_TPA[],set_field:{own}->arp_sha,"
            f"set_field:{plan.VIP4}->arp_spa,IN_PORT",
            f"flow add table=0,priority=200,in_port={PORT},icmp6,icmp_type=135,icmp_code=0,nd_target={plan.VIP6},"
            f"actions=move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[],set_field:{own}->eth_src,"
            f"move:NXM_NX_IPV6_SRC[]->NXM_NX_IPV6_DST[],set_field:{plan.VIP6}->ipv6_src,set_field:136->icmpv6_type,"
            f"set_field:0x60000000->nd_reserved,set_field:2->nd_options_type,resubmit(,11)",
            f"flow add table=11,priority=10,icmp6,icmp_type=136,icmp_code=0,actions=set_field:{own}->nd_tll,IN_PORT"]
    return "\n".join(lines) + "\n"


def program(lab, number, answer):
    node = lab.nodes[number]
    node.ovs.vsctl("--may-exist", "add-br", "br-dist", "--", "set", "bridge", "br-dist", "datapath_type=netdev",
                   "fail_mode=secure", "--", "--may-exist", "add-port", "br-dist", "eth1", "--", "set", "interface", "eth1",
                   f"ofport_request={PORT}")
    path = os.path.join(node.directory, "rules")
    with open(path, "w", encoding="ascii") as file:
        file.write(hand_made_rules(lab, number, answer))
    wait_until(lambda: "eth1" in node.ovs.ofctl("show", check=False), 10, "the bridge to have its port")
    node.ovs.ofctl("bundle", path)


@pytest.fixture(scope="module")
def lab():
    with Lab() as lab:
        lab.start()
        program(lab, 1, answer=True)
        program(lab, 2, answer=False)
        yield lab


def test_every_client_is_answered_and_by_the_bucket_that_open_vswitch_names(lab):
    clients = plan.clients(1000, 1000)
    assert len(set(clients)) == 2000
    seen = traffic.who(lab.gateway(), clients)
    assert {name for name in seen.values()} == {f"t1a{i}" for i in range(1, 5)}
    for client in [*clients[:20], *clients[-20:]]:
        kind, source = ("ipv6", "ipv6_src") if ":" in client else ("ip", "nw_src")
        vip = f"ipv6_dst={plan.VIP6}" if ":" in client else f"nw_dst={plan.VIP4}"
        bucket = lab.nodes[1].ovs.traced_bucket(
            f"in_port={PORT},dl_src={plan.gateway_mac(1)},dl_dst={plan.front_mac(1, 1)},{kind},{source}={client},{vip}")
        assert seen[client] == f"t1a{bucket + 1}"


def test_connections_count_gaps_names_and_breaks(lab):
    clients = plan.clients(20, 20)
    with traffic.connections(lab.gateway(), clients, interval_ms=50) as talk:
        lab.nodes[1].carrier(1, up=False)
        cut_at = time.monotonic()
        wait_until(lambda: all(row["longest_gap_ms"] > 300 for row in talk.report()), 5, "gaps on every connection")
        lab.nodes[1].carrier(1, up=True)
        outage_ms = (time.monotonic() - cut_at) * 1000
        rows = talk.stop()
    assert [row["broken"] for row in rows] == [None] * 40
    assert all(len(row["names"]) == 1 for row in rows)
    assert all(300 < row["longest_gap_ms"] < outage_ms + 3000 for row in rows)


def test_a_connection_to_another_amphora_is_reported_as_broken(lab):
    with traffic.connections(lab.gateway(), plan.clients(8, 8), interval_ms=50) as talk:
        other = [f"bucket=bucket_id:{i},weight:1,actions=set_field:{plan.front_mac(1, 1)}->eth_src,"
                 f"set_field:{lab.mac(4)}->eth_dst,in_port" for i in range(4)]
        lab.nodes[1].ovs.ofctl(
            "mod-group", "group_id=1,type=select,selection_method=hash,fields(ip_src,ipv6_src)," + ",".join(other))
        wait_until(lambda: all(row["broken"] for row in talk.report()), 10, "resets by the amphora that knows nothing")
    program(lab, 1, answer=True)


def test_stream_counts_what_is_lost(lab):
    with traffic.stream(lab.gateway(), plan.clients(10, 10), interval_ms=10) as talk:
        wait_until(lambda: all(row["answered"] > 20 for row in talk.report()), 10, "answers to every client")
        lab.nodes[1].cut("frontend", to_node=True, from_node=False)
        wait_until(lambda: all(row["longest_gap_ms"] > 200 for row in talk.report()), 5, "gaps in every stream")
        lab.nodes[1].heal("frontend")
        talk_on = [row["answered"] for row in talk.report()]
        wait_until(lambda: all(row["answered"] > before + 20 for row, before in zip(talk.report(), talk_on)), 5, "answers again")
        rows = talk.stop()
    assert all(row["lost"] >= 10 for row in rows)
    assert all(row["sent"] == row["answered"] + row["lost"] for row in rows)


def test_frames_are_built_as_linux_and_open_vswitch_read_them(lab):
    with frames.Wire(lab.gateway()) as wire:
        mine = plan.gateway_mac(1)
        wire.send(frames.arp_request(mine, plan.GATEWAY4, plan.VIP4))
        (reply,) = wire.collect(lambda frame: frame.arp() and frame.arp()[0] == 2, 2, enough=1)
        assert reply.arp() == (2, plan.front_mac(1, 1), plan.VIP4, mine, plan.GATEWAY4)
        wire.send(frames.neighbour_solicitation(mine, plan.GATEWAY6, plan.VIP6))
        (advert,) = wire.collect(lambda frame: frame.neighbour_advertisement(), 2, enough=1)
        assert advert.neighbour_advertisement() == (plan.VIP6, plan.GATEWAY6, plan.VIP6, "SO", plan.front_mac(1, 1))
        for source, vip in (("198.18.7.7", plan.VIP4), ("2001:db8:c000::7", plan.VIP6)):
            packet = frames.udp(source, vip, 5555, plan.LINE_PORT, b"hello")
            wire.send(frames.ethernet(plan.front_mac(1, 1), mine, 0x86DD if ":" in source else 0x0800, packet))
            (answer,) = wire.collect(lambda frame: frame.payload.endswith(b" hello"), 2, enough=1)
            assert answer.source in [amphora.mac for amphora in lab.amphorae[1][:4]]


def test_power_off_ends_every_process_and_the_link_and_the_disk_stays(lab):
    node = lab.nodes[2]
    pids = node.exec(["ps", "-o", "pid="]).stdout.split()
    assert len(pids) >= 3
    flows = node.ovs.flows()
    assert flows
    init = node.init_pid
    node.power_off()
    assert not os.path.exists(f"/proc/{init}") and not os.path.exists(node.namespace.path)
    node.boot()
    node.start_ovs()
    wait_until(lambda: node.ovs.ofctl("show", check=False), 10, "the bridge of the old configuration")
    assert node.ovs.flows() == []  # rules live in vswitchd's memory, the bridge on the disk
    program(lab, 2, answer=False)
    assert node.ovs.flows() == flows


def test_a_killed_service_is_started_again_unless_told_otherwise(lab):
    node = lab.nodes[2]
    starts = node.service("ovs-vswitchd")["starts"]
    node.kill("ovs-vswitchd")
    wait_until(lambda: node.service("ovs-vswitchd")["starts"] == starts + 1, 5, "a restart")
    node.kill("ovs-vswitchd", restart=False)
    wait_until(lambda: not node.service("ovs-vswitchd")["running"], 5, "its end")
    node.supervise("ovs-vswitchd")
    wait_until(lambda: node.service("ovs-vswitchd")["running"], 5, "its start")


def test_two_labs_live_side_by_side_and_a_lab_leaves_nothing_behind(lab):
    with pytest.raises(ZeroDivisionError):
        with Lab(amphorae=1) as other:
            other.start()
            prefix, directory = other.prefix, other.directory
            assert prefix != lab.prefix
            1 / 0
    assert not os.path.exists(directory)
    assert not [name for name in os.listdir("/run/netns") if name.startswith(prefix)]


def test_a_lab_whose_owner_was_killed_is_swept():
    told, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            doomed = Lab(amphorae=1)
            doomed.start()
            os.write(tell, doomed.prefix.encode())
        finally:
            os._exit(0)  # no cleaning up: as if killed
    os.waitpid(pid, 0)
    os.close(tell)
    prefix = os.read(told, 64).decode()
    os.close(told)
    assert prefix, "the doomed lab did not start"
    sweep()
    assert not os.path.exists(os.path.join(LABS, prefix))
    assert not [name for name in os.listdir("/run/netns") if name.startswith(prefix)]


def by_hand(*words):
    """python3 -m lab, as docs/testing.md has it. Standard error is left alone: what the lab starts keeps it open as long as it lives."""
    return subprocess.run([sys.executable, "-B", "-m", "lab", *words], stdout=subprocess.PIPE, text=True, check=True, stdin=subprocess.DEVNULL,
                          env={**os.environ, "PYTHONPATH": os.path.dirname(os.path.abspath(__file__))}).stdout.strip()


def test_a_lab_by_hand_stays_until_it_is_taken_down():
    prefix = by_hand("up", "--without-daemon")
    try:
        assert f"{prefix} kept" in by_hand("list")
        assert "eth0" in by_hand("shell", prefix, "n1", "ip", "address")
        assert f"{plan.GATEWAY4}/24" in by_hand("shell", prefix, "gw1", "ip", "address")
        by_hand("cleanup")
        assert f"{prefix} kept" in by_hand("list"), "its owner ended, but said that it stays"
    finally:
        by_hand("down", prefix)
    assert prefix not in by_hand("list")
