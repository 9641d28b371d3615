#![allow(clippy::unwrap_used, reason = "tests")]
use super::*;
use crate::ids::WorkerId;
use std::time::Instant;

fn collect(receiver: &mut Receiver, socket: &UdpSocket, want: usize) -> Vec<(SocketAddr, Vec<u8>)> {
    let mut got = Vec::new();
    let end = Instant::now() + Duration::from_secs(2);
    while got.len() < want && Instant::now() < end {
        receiver
            .receive(socket, |from, packet| got.push((from, packet.to_vec())))
            .unwrap();
    }
    got
}

fn train_arrives_as_its_packets(address: &str, gso: bool) {
    let mut from = UdpSocket::bind(address.parse().unwrap()).unwrap();
    let to = UdpSocket::bind(address.parse().unwrap()).unwrap();
    if !gso {
        from.disable_gso();
    }
    let payload: Vec<u8> = (0..100 * 1_000 + 300).map(|i| (i / 1_000) as u8).collect();
    let train = Train {
        destination: to.local_addr(),
        payload: &payload,
        segment: 1_000,
    };
    let sent = Sender::new().send(&mut from, [train]);
    assert_eq!((sent.packets, sent.bytes), (101, 100_300));
    assert_eq!(sent.dropped_full + sent.dropped_refused, 0);
    let got = collect(&mut Receiver::new(), &to, 101);
    assert_eq!(got.len(), 101);
    for (i, (source, packet)) in got.iter().enumerate() {
        assert_eq!(*source, from.local_addr());
        assert_eq!(packet.len(), if i == 100 { 300 } else { 1_000 });
        assert!(packet.iter().all(|&byte| byte == i as u8));
    }
}

#[test]
fn a_train_arrives_as_its_packets_with_and_without_gso() {
    train_arrives_as_its_packets("127.0.0.1:0", true);
    train_arrives_as_its_packets("127.0.0.1:0", false);
}

#[test]
fn a_train_arrives_over_ipv6() {
    if UdpSocket::bind("[::1]:0".parse().unwrap()).is_ok() {
        train_arrives_as_its_packets("[::1]:0", true);
    }
}

#[test]
fn packets_that_gso_cannot_carry_go_out_one_by_one() {
    let mut from = UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let to = UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let mut sender = Sender::new();
    let payload = vec![7; 2_500];
    sender.push(to.local_addr(), &payload, 1_000);
    let mut sent = Sent::default();
    sender.send_singly(&from, 0, &mut sent);
    assert_eq!((sent.packets, sent.bytes), (3, 2_500));
    assert_eq!(collect(&mut Receiver::new(), &to, 3).len(), 3);
    // A destination that cannot be reached costs that packet only.
    let good = Train {
        destination: to.local_addr(),
        payload: &payload,
        segment: 2_500,
    };
    let bad = Train {
        destination: "[2001:db8::1]:9".parse().unwrap(),
        ..good
    };
    let sent = Sender::new().send(&mut from, [bad, good]);
    assert_eq!((sent.packets, sent.dropped_refused), (1, 1));
}

#[test]
fn one_call_sends_to_many_receivers() {
    let mut from = UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let receivers: Vec<_> = (0..40)
        .map(|_| UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap())
        .collect();
    let payload = [1; 120];
    let trains = receivers.iter().map(|receiver| Train {
        destination: receiver.local_addr(),
        payload: &payload,
        segment: 120,
    });
    let sent = Sender::new().send(&mut from, trains);
    assert_eq!((sent.packets, sent.calls), (40, 1));
}

#[test]
fn two_workers_share_a_port() {
    let first = UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let second = UdpSocket::bind(first.local_addr()).unwrap();
    assert_eq!(first.local_addr(), second.local_addr());
}

#[test]
fn a_signal_ends_the_wait_at_once_and_is_cleared() {
    let wake_up = WakeUp::new().unwrap();
    let mut poller = Poller::new(&[], &wake_up);
    wake_up.signal();
    let start = Instant::now();
    poller.wait(&wake_up, Some(Duration::from_secs(5)));
    assert!(start.elapsed() < Duration::from_secs(1));
    poller.wait(&wake_up, Some(Duration::from_millis(20)));
    assert!(start.elapsed() >= Duration::from_millis(20));
}

#[test]
fn the_loopback_interface_is_listed() {
    assert!(
        interface_addresses()
            .unwrap()
            .iter()
            .any(|a| a.ip.is_loopback() && a.interface == "lo" && !a.dummy)
    );
}

#[test]
fn the_kernel_gives_datagrams_to_the_socket_that_the_program_names() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let Ok(first) = UdpSocket::bind(address.parse().unwrap()) else {
            continue;
        };
        let second = UdpSocket::bind(first.local_addr()).unwrap();
        let senders: Vec<_> = (0..40)
            .map(|_| std::net::UdpSocket::bind(address).unwrap())
            .collect();
        let ports = senders
            .iter()
            .map(|sender| sender.local_addr().unwrap().port());
        // Every third goes to the second socket, the others to the first: no hash does that.
        let owners = ports
            .zip(0..)
            .map(|(port, i)| (port, WorkerId(u16::from(i % 3 == 0))));
        let owners: Vec<_> = owners.collect();
        let program = crate::steering::program(owners.clone(), first.local_addr().is_ipv6());
        first.steer(&program).unwrap();
        for sender in &senders {
            sender.send_to(b"x", first.local_addr()).unwrap();
        }
        let mut receiver = Receiver::new();
        for (socket, worker, count) in [(&first, 0, 26), (&second, 1, 14)] {
            let got = collect(&mut receiver, socket, count);
            assert_eq!(got.len(), count, "{address}");
            for (from, _) in got {
                assert!(
                    owners.contains(&(from.port(), WorkerId(worker))),
                    "{address}: {from}"
                );
            }
        }
    }
}
