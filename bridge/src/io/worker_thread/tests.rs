#![allow(clippy::unwrap_used, reason = "tests")]
use super::super::mailbox::mailbox;
use super::*;
use crate::settings::WorkerSettings;
use media::dtls::Certificate;

/// A thread whose core cannot be made the first `failures` times.
fn thread(failures: u64) -> (WorkerThread, tokio::sync::mpsc::Receiver<DriverEvent>) {
    let socket = UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let names = vec![socket.local_addr()];
    let certificate = Certificate::generate().unwrap();
    let settings = Arc::new(WorkerSettings::new(certificate, names.clone()));
    let bell = Bell::new().unwrap();
    let (_, commands) = mailbox(4, &bell);
    let (_, messages) = mailbox(4, &bell);
    let (_, sockets_changed) = mailbox(4, &bell);
    let (events, queue) = tokio::sync::mpsc::channel(16);
    let made = AtomicU64::new(0);
    let thread = WorkerThread {
        id: WorkerId(0),
        make_core: Box::new(move || {
            assert!(
                made.fetch_add(1, Ordering::Relaxed) >= failures,
                "a broken invariant, for the test"
            );
            Worker::new(WorkerId(0), 1, Arc::clone(&settings), 1)
        }),
        sockets: vec![socket],
        names,
        bell,
        commands,
        sockets_changed,
        messages,
        others: Vec::new(),
        events,
        counters: Arc::default(),
        stop: Arc::default(),
    };
    (thread, queue)
}

#[test]
fn a_broken_invariant_costs_the_worker_its_state_and_not_the_process() {
    let (thread, mut events) = thread(1);
    let (stop, counters, bell) = (
        Arc::clone(&thread.stop),
        Arc::clone(&thread.counters),
        Arc::clone(&thread.bell),
    );
    let handle = std::thread::spawn(move || thread.run());
    let event = events.blocking_recv().unwrap();
    assert!(matches!(event, DriverEvent::Failed(WorkerId(0))));
    assert_eq!(counters.failures.load(Ordering::Relaxed), 1);
    stop.store(true, Ordering::Relaxed);
    bell.ring();
    handle.join().unwrap();
}

#[test]
fn sockets_come_and_go_with_the_addresses_of_the_machine() {
    let (mut thread, _events) = thread(0);
    let socket = || {
        let socket = UdpSocket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let name = socket.local_addr();
        (socket, name)
    };
    let first = thread.names[0];
    let (second, third) = (socket(), socket());
    let names = [second.1, third.1];
    let change = |add, remove| SocketChange { add, remove };
    let mut apply = |c| change_sockets(&mut thread.sockets, &mut thread.names, c);
    apply(change(vec![second, third], vec![]));
    apply(change(vec![], vec![first, names[1]]));
    assert_eq!(thread.names, [names[0]]);
    assert_eq!(thread.sockets[0].local_addr(), names[0]);
}
