//! Background tasks by name. The service notices when a task ends for any reason: a process that continues
//! without one of them would be neither up nor down.

use std::{collections::HashMap, fmt};

use tokio::task::{Id, JoinSet};

/// Named tasks; aborted on drop.
#[derive(Default)]
pub(super) struct Tasks {
    set: JoinSet<()>,
    names: HashMap<Id, String>,
}

/// A task that ended, and how.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// As given to [`Tasks::spawn`].
    pub name: String,
    /// Whether it panicked; else it returned.
    pub panicked: bool,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, panicked } = self;
        write!(f, "background task `{name}` {}", if *panicked { "panicked" } else { "ended" })
    }
}

impl Tasks {
    /// Starts a task.
    pub(super) fn spawn(&mut self, name: impl Into<String>, task: impl Future<Output = ()> + Send + 'static) {
        let id = self.set.spawn(task).id();
        self.names.insert(id, name.into());
    }

    /// Waits for the next task to end; gives `None` when none is left.
    pub(super) async fn next_end(&mut self) -> Option<Ended> {
        let (id, panicked) = match self.set.join_next_with_id().await? {
            Ok((id, ())) => (id, false),
            Err(error) => (error.id(), error.is_panic()),
        };
        Some(Ended { name: self.names.remove(&id).unwrap_or_default(), panicked })
    }

    /// Waits for the next task to end; waits forever when none is left.
    pub(super) async fn death(&mut self) -> Ended {
        match self.next_end().await {
            Some(ended) => ended,
            None => std::future::pending().await,
        }
    }

    /// Waits until every task has ended.
    pub(super) async fn all_end(&mut self) {
        while self.next_end().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_is_named() {
        let mut tasks = Tasks::default();
        tasks.spawn("stays", std::future::pending());
        tasks.spawn("returns", async {});
        assert_eq!(tasks.death().await, Ended { name: "returns".into(), panicked: false });
        tasks.spawn("panics", async { panic!("for the test") });
        assert_eq!(tasks.death().await.to_string(), "background task `panics` panicked");
    }

    #[tokio::test]
    async fn without_a_task_there_is_no_death() {
        let mut tasks = Tasks::default();
        assert_eq!(tasks.next_end().await, None);
        assert!(tokio::time::timeout(std::time::Duration::from_millis(20), tasks.death()).await.is_err());
        tasks.all_end().await;
    }
}
