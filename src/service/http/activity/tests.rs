//! Which limit runs when, and which order replaces which.

use crate::http::activity::*;

fn at(ticks: u32) -> (Arc<Clock>, Arc<Activity>) {
    let clock = Arc::new(Clock::default());
    let activity = Arc::new(Activity::new(clock.clone()));
    (0..ticks).for_each(|_| {
        clock.advance(1);
    });
    (clock, activity)
}

#[test]
fn a_new_connection_waits_for_its_first_byte_then_its_header() {
    let (_, activity) = at(3);
    assert_eq!(activity.waiting_for(), Some((0, Closed::FirstByte)));
    activity.received();
    activity.head_received();
    assert_eq!(activity.waiting_for(), Some((0, Closed::Header)), "counted from accept");
}

#[test]
fn a_request_under_way_has_no_limit_here_and_idleness_begins_at_its_end() {
    let (clock, activity) = at(1);
    activity.received();
    let call = activity.begin();
    assert_eq!((activity.waiting_for(), activity.idle_since()), (None, None));
    clock.advance(2);
    drop(call);
    assert_eq!(activity.waiting_for(), Some((3, Closed::Idle)));
    assert_eq!(activity.idle_since(), Some(3));
}

#[test]
fn idleness_begins_when_the_last_answer_is_sent_and_other_frames_do_not_end_it() {
    let (clock, activity) = at(1);
    activity.received();
    drop(activity.begin());
    clock.advance(1);
    activity.flushed();
    assert_eq!(activity.idle_since(), Some(2));
    clock.advance(1);
    activity.flushed();
    assert_eq!(activity.idle_since(), Some(2));
    assert_eq!(activity.waiting_for(), Some((2, Closed::Idle)));
}

#[test]
fn the_time_of_a_later_header_begins_at_its_first_byte_and_ends_with_its_request() {
    let (clock, activity) = at(1);
    activity.received();
    drop(activity.begin());
    clock.advance(2);
    activity.head_received();
    clock.advance(1);
    activity.head_received();
    assert_eq!(activity.waiting_for(), Some((3, Closed::Header)));
    assert_eq!(activity.idle_since(), None);
    let call = activity.begin();
    clock.advance(1);
    activity.head_received();
    drop(call);
    assert_eq!(activity.waiting_for(), Some((5, Closed::Idle)), "the bytes during the request were its body");
}

#[test]
fn only_the_last_request_may_still_receive_a_body() {
    let (_, activity) = at(0);
    assert!(!activity.has_body());
    let call = activity.begin();
    activity.body_announced();
    assert!(activity.has_body());
    drop(call);
    drop(activity.begin());
    assert!(!activity.has_body());
}

#[test]
fn a_client_that_does_not_read_is_noticed_even_while_a_request_is_under_way() {
    let (clock, activity) = at(5);
    let _call = activity.begin();
    activity.stalled(true);
    clock.advance(1);
    assert_eq!(activity.waiting_for(), Some((5, Closed::Write)));
    activity.stalled(false);
    assert_eq!(activity.waiting_for(), None);
}

#[test]
fn every_other_order_replaces_the_order_to_rest() {
    let (_, activity) = at(0);
    activity.order(Order::Rest);
    assert_eq!(activity.ordered(), Order::Rest);
    activity.rested();
    assert_eq!(activity.ordered(), Order::None);
    activity.order(Order::Drain);
    activity.order(Order::Rest);
    activity.rested();
    assert_eq!(activity.ordered(), Order::Drain);
}

#[test]
fn the_connection_can_take_back_an_order_to_close() {
    let (_, activity) = at(0);
    for (reason, left) in [(Closed::Idle, Order::None), (Closed::Drain, Order::Drain)] {
        activity.order(Order::Close(reason));
        assert_eq!(activity.ordered(), Order::Close(reason));
        activity.stay(reason);
        assert_eq!(activity.ordered(), left);
    }
    activity.order(Order::Close(Closed::Cut));
    activity.stay(Closed::Drain);
    assert_eq!(activity.ordered(), Order::Close(Closed::Cut), "only that order");
}

#[test]
fn no_other_order_replaces_an_order_to_close() {
    let (_, activity) = at(0);
    activity.order(Order::Drain);
    assert_eq!(activity.ordered(), Order::Drain);
    activity.order(Order::Close(Closed::Error));
    activity.order(Order::Drain);
    assert_eq!(activity.ordered(), Order::Close(Closed::Error));
}

#[test]
fn a_request_overtakes_only_an_order_that_its_absence_caused() {
    let silent = [Closed::Idle, Closed::Cap, Closed::Drain];
    let (_, activity) = at(1);
    assert!(!activity.has_overtaken(Closed::FirstByte));
    activity.received();
    assert!(activity.has_overtaken(Closed::FirstByte));
    drop(activity.begin());
    assert!(silent.iter().all(|reason| !activity.has_overtaken(*reason)));
    activity.head_received();
    assert!(silent.iter().all(|reason| activity.has_overtaken(*reason)));
    assert!(!activity.has_overtaken(Closed::Header), "the header itself takes too long");
    let _call = activity.begin();
    assert!(silent.iter().chain(&[Closed::Header]).all(|reason| activity.has_overtaken(*reason)));
    assert!(![Closed::Write, Closed::Cut].iter().any(|reason| activity.has_overtaken(*reason)));
}
