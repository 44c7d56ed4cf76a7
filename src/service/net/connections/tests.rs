//! Which connections are closed, to make room or because they are late.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::timeout;

use crate::net::connections::*;

#[tokio::test]
async fn one_at_a_time_makes_room_unless_it_is_slow_to_leave() {
    let connections = Connections::new(&Limits { connections: 3, ..Limits::default() }, None, 1);
    let idle = [(); 3].map(|()| connections.add());
    for connection in &idle {
        connection.activity.received();
        drop(connection.activity.begin());
    }
    let told = || {
        let orders = idle.iter().map(|connection| connection.activity.ordered());
        orders.filter(|order| *order == Order::Close(Closed::Cap)).count()
    };
    assert!(timeout(TICK * 5 / 2, connections.room()).await.is_err(), "nobody has left");
    assert_eq!(told(), 1, "the others stay while this one ends");
    let no_end = timeout(TICK * (PATIENCE + 20), connections.room()).await;
    assert!(no_end.is_err() && told() == 3, "{} were told while none of them left", told());
}

#[tokio::test]
async fn a_sweep_over_many_connections_lets_others_have_their_turns_and_leaves_out_none() {
    const MANY: usize = 10 * AT_ONCE + 1;
    let connections = Connections::new(&Limits::default(), None, 1);
    let open: Vec<_> = (0..MANY).map(|_| connections.add()).collect();
    let turns = Arc::new(AtomicUsize::new(0));
    let counted = turns.clone();
    tokio::spawn(async move {
        loop {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    });
    connections.check(connections.limits.first_byte + 1).await;
    assert!(turns.load(Ordering::Relaxed) >= 10, "{turns:?}");
    let late = Order::Close(Closed::FirstByte);
    assert!(open.iter().all(|connection| connection.activity.ordered() == late));
}
