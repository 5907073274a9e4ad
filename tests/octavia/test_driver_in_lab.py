"""The driver, loaded and run as Octavia does, against a real pair: through the management address, with mutual TLS."""

import signal
import threading

import lab_drivers
import pytest
from conftest import ACTIVE, AMPHORAE
from lab import plan, traffic
from lab.system import wait_until
from octavia_distributor import exceptions, flows, health
from octavia_distributor.db import distributors, load_balancers

CLIENTS = plan.clients(300, 300)


def who(lab, clients=CLIENTS):
    return traffic.who(lab.gateway(), clients)


def test_a_load_balancer_from_create_to_remove(lab, octavia):  # L3, P3-P7
    lb = octavia.balancer()  # its ports arrive after Nova's answer: PLUG waits for them (P4)
    row = load_balancers.get(octavia.id, lb.id)
    assert len(distributors.get(octavia.id).vip_port_ids) == 2 and len(row.hash_seed) == 16
    amphorae = octavia.cluster(lb)
    octavia.register(lb, amphorae)
    wanted = {amphora.id: (index if index < ACTIVE else None, lab.mac(index)) for index, amphora in enumerate(amphorae)}
    assert octavia.recorded(lb) == wanted == octavia.on_pair(lb)
    assert set(who(lab).values()) == {lab.amphorae[1][index].name for index in range(ACTIVE)}
    with pytest.raises(exceptions.DrainNotSupported):
        octavia.run(octavia.driver.get_drain_amphorae_subflow(), distributor_id=octavia.id, amphorae=amphorae[:1])
    octavia.run(octavia.driver.get_unregister_amphorae_subflow(), distributor_id=octavia.id, amphorae=amphorae[:1])
    assert lab.amphorae[1][0].name not in who(lab).values()
    assert octavia.recorded(lb) == octavia.on_pair(lb) == {key: value for key, value in wanted.items() if key != amphorae[0].id}
    octavia.run(octavia.driver.get_remove_vip_subflow(), distributor_id=octavia.id, vip=lb.vip)
    octavia.run(octavia.driver.get_delete_distributor_subflow(), distributor_id=octavia.id)
    assert octavia.ids_on_pair() == set() and octavia.recorded(lb) == {}
    assert distributors.get(octavia.id).vip_port_ids == [] and not lab_drivers.ports
    assert all(lab_drivers.TENANT not in node.attached for node in lab.nodes.values())


@pytest.mark.parametrize("how", ["before it reads the request", "while it works on it"])
def test_the_active_node_dies_in_the_middle_of_a_register_flow(lab, octavia, how):  # L3, H3
    lb = octavia.balancer()
    first, *rest = octavia.cluster(lb)
    octavia.register(lb, [first])
    active, standby = lab.wait_in_sync()
    victim = lab.nodes[active]
    killers = []

    def kill():
        if how.startswith("before"):
            victim.kill("distributord", signal.SIGSTOP)  # the kernel still takes the connection and the request
        killers.append(threading.Thread(target=victim.power_off))
        killers[-1].start()

    octavia.register(lb, [first, *rest], listener=lambda task: kill() if task and not killers else None)
    killers[0].join()
    assert killers and not victim.powered()
    assert octavia.recorded(lb) == octavia.on_pair(lb) == octavia.on_pair(lb, standby)
    assert len(octavia.recorded(lb)) == AMPHORAE
    before = who(lab)
    victim.power_on()
    lab.wait_in_sync()
    assert octavia.recorded(lb) == octavia.on_pair(lb, active) == octavia.on_pair(lb, standby)
    assert who(lab) == before


def test_a_failed_amphora_is_replaced_and_its_successor_is_the_spare(lab, octavia):  # L7, F1, F3
    lb = octavia.balancer()
    amphorae = octavia.cluster(lb)
    octavia.register(lb, amphorae)
    before = who(lab)
    octavia.run(octavia.driver.get_replace_amphora_subflow(), distributor_id=octavia.id, failed_amphora=amphorae[1])
    failed, spare = lab.amphorae[1][1].name, lab.amphorae[1][ACTIVE].name
    after = who(lab)
    assert after == {client: spare if name == failed else name for client, name in before.items()}
    successor = octavia.amphora(lb, AMPHORAE)
    octavia.register(lb, [successor])
    assert octavia.recorded(lb)[successor.id] == (None, lab.mac(AMPHORAE))
    assert octavia.recorded(lb) == octavia.on_pair(lb) and who(lab) == after


def test_a_pair_without_memory_gets_everything_back_from_the_tables(lab, octavia):  # H1, L7
    lb = octavia.balancer()
    amphorae = octavia.cluster(lb)
    octavia.register(lb, amphorae)
    octavia.run(octavia.driver.get_replace_amphora_subflow(), distributor_id=octavia.id, failed_amphora=amphorae[0])
    clients = plan.clients(1000, 1000)
    before, recorded = who(lab, clients), octavia.recorded(lb)
    for node in lab.nodes.values():
        node.power_off()
        node.wipe()
    for node in lab.nodes.values():
        node.power_on()
    lab.wait_in_sync()
    assert octavia.ids_on_pair() == set()
    for node_id in ("node-1", "node-2"):
        distributors.beat(octavia.id, node_id, 1, None, health.now())
    with lab.fabric.controller.entered():
        health.DistributorHealthManager().check()
    assert octavia.recorded(lb) == recorded == octavia.on_pair(lb)
    assert who(lab, clients) == before


def test_a_lost_node_is_built_again(lab, octavia):  # L7, H1
    lb = octavia.balancer()
    octavia.register(lb, octavia.cluster(lb))
    before = who(lab)
    keys = {number: read_keys(lab, number) for number in lab.nodes}
    from octavia_distributor.tasks import nodes
    import json
    for number, node in lab.nodes.items():
        distributors.update_node(octavia.id, node.name, management_port_id=f"management-{number}",
                                 sync_keys=nodes._vault().encrypt(json.dumps(keys[number]).encode()).decode())
    _, standby = lab.wait_in_sync()
    lab.nodes[standby].power_off()
    octavia.run(flows.rebuild_node(lab.nodes[standby].name), distributor_id=octavia.id)
    number, files = lab_drivers.built[-1]
    assert number == standby
    assert files["/etc/distributor/own.key"] == "public: {public}\nsecret: {secret}\n".format(**keys[standby])
    lab.wait_in_sync()
    assert octavia.on_pair(lb, standby) == octavia.recorded(lb)
    active, _ = lab.wait_in_sync()
    lab.nodes[3 - standby].power_off()  # the new one alone
    lab.wait_owner(standby)
    assert wait_until(lambda: who(lab) == before, 20, "every client to be answered by its amphora again")


def read_keys(lab, number):
    with open(f"{lab.directory}/keys/n{number}", encoding="ascii") as file:
        lines = dict(line.strip().split(": ") for line in file if line.strip())
    return {"public": lines["public"], "secret": lines["secret"]}
