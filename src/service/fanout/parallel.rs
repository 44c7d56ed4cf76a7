//! Asks all peers at once and joins their answers in one task, within one deadline.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU16, Ordering},
    },
    time::Instant,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use http::{StatusCode, Uri};

use crate::{
    fanout::{
        ask::{Failure, PeerAnswer, ask},
        outcome::Outcome,
        peers::{Peer, Peers},
        question::Question,
        reply::Reply,
    },
    memory::{Full, Held, Memory},
    telemetry::trace_context::SpanId,
};

/// How far one exchange has got; read at the cutoff, after its future is dropped.
#[derive(Default)]
struct Progress {
    asked: AtomicBool,
    /// 0 until known.
    status: AtomicU16,
}

impl Progress {
    fn status(&self) -> Option<StatusCode> {
        StatusCode::from_u16(self.status.load(Ordering::Relaxed)).ok()
    }

    fn late(&self) -> Outcome {
        if self.asked.load(Ordering::Relaxed) { Outcome::Timeout } else { Outcome::OverBudget }
    }
}

impl Peers {
    /// The request targets, one for each peer; `None` when one is longer than a URI can be (64 KiB).
    #[must_use]
    pub(crate) fn targets(&self, question: &Question) -> Option<Vec<Uri>> {
        let mut targets: Vec<Uri> = Vec::with_capacity(self.list.len());
        for (index, peer) in self.list.iter().enumerate() {
            // most peers have the same prefix as the one before: none
            let same = index.checked_sub(1).filter(|before| self.list[*before].url.prefix == peer.url.prefix);
            targets.push(match same {
                Some(before) => targets[before].clone(),
                None => question.target(&peer.url)?,
            });
        }
        Some(targets)
    }

    /// Asks every peer and waits for all of them (an answer is about every peer, whatever the policy), but
    /// not past the cutoff of the budget. `targets` are those of [`Self::targets`]. The replies are in the
    /// order of the configuration; the guard that comes with them keeps their bytes in the budget of
    /// `memory`.
    ///
    /// # Errors
    /// There is no room for the answers; this then returns without waiting for the other peers.
    pub(crate) async fn ask_all(
        &self,
        question: Question,
        targets: Vec<Uri>,
        memory: &Memory,
    ) -> Result<(Vec<Reply>, Held), Full> {
        let question = &question.authorize(self.authorization.clone());
        let start = Instant::now();
        let state: Vec<(Progress, SpanId)> =
            self.list.iter().map(|_| (Progress::default(), SpanId(fastrand::u64(1..)))).collect();
        let reply = |index: usize, answer: PeerAnswer| {
            let PeerAnswer { outcome, message, fan_out, held: _ } = answer;
            let (progress, span_id) = &state[index];
            let (peer, status, span_id) = (self.list[index].clone(), progress.status(), *span_id);
            Reply { peer, outcome, status, start, elapsed: start.elapsed(), message, fan_out, span_id }
        };
        let mut held = memory.reserve(0)?;
        let mut replies: Vec<Option<Reply>> = Vec::new();
        replies.resize_with(self.list.len(), || None);
        if question.budget().for_peer(start).is_some() {
            let mut exchanges = FuturesUnordered::new();
            for (index, (target, (progress, span))) in targets.iter().zip(&state).enumerate() {
                let peer = &self.list[index];
                exchanges.push(async move {
                    (index, exchange(peer, question, target, progress, *span, memory).await)
                });
            }
            let all = async {
                while let Some((index, result)) = exchanges.next().await {
                    let mut answer = match result {
                        Ok(answer) => answer,
                        Err(Failure::Outcome(outcome)) => PeerAnswer::none(outcome),
                        Err(Failure::Full(full)) => return Err(full),
                    };
                    if let Some(its) = answer.held.take() {
                        held.join(its);
                    }
                    replies[index] = Some(reply(index, answer));
                }
                Ok(())
            };
            // the peers without a reply at the cutoff get their outcome below
            tokio::time::timeout_at(question.budget().cutoff().into(), all).await.unwrap_or(Ok(()))?;
        }
        let late = |index: usize| reply(index, PeerAnswer::none(state[index].0.late()));
        let replies = replies.into_iter().enumerate();
        Ok((replies.map(|(index, reply)| reply.unwrap_or_else(|| late(index))).collect(), held))
    }
}

async fn exchange(
    peer: &Arc<Peer>,
    question: &Question,
    target: &Uri,
    progress: &Progress,
    span: SpanId,
    memory: &Memory,
) -> Result<PeerAnswer, Failure> {
    let _slot = peer.pool.slot().await;
    progress.asked.store(true, Ordering::Relaxed);
    let request = || question.request(&peer.url.origin.host_header, target.clone(), span);
    ask(&peer.pool, memory, request, |status| progress.status.store(status.as_u16(), Ordering::Relaxed)).await
}
