//! What tasks bring: each attempt brings one file.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use tamer_model::{Code, Content, Problem, TaskId};

use super::shelf::Contents;

/// Attempts that are remembered, of about 150 bytes each. One that is forgotten may bring another
/// file, which costs room for a day.
const REMEMBERED: usize = 65_536;

/// Which content each attempt brings, so that a host cannot fill the coordinator's disk with one
/// task. Cheap to clone.
#[derive(Clone, Default)]
pub struct Brought {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    by_task: HashMap<TaskId, Content>,
    /// Oldest first.
    order: VecDeque<TaskId>,
}

impl Brought {
    /// An attempt is about to bring a content. What came of another one before is forgotten: the
    /// file had changed.
    ///
    /// # Errors
    /// `WrongState` when it has brought a whole file already.
    pub async fn begin(
        &self,
        task: TaskId,
        content: Content,
        contents: &Contents,
    ) -> Result<(), Problem> {
        let before = self.lock().by_task.get(&task).copied().filter(|before| *before != content);
        if let Some(before) = before {
            if contents.has(before) {
                let message = format!("{task} has brought its file already");
                return Err(Problem::new(Code::WrongState, message).on("content"));
            }
            contents.forget(before).await?;
        }
        self.lock().remember(task, content);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Inner {
    fn remember(&mut self, task: TaskId, content: Content) {
        if self.by_task.insert(task, content).is_some() {
            return;
        }
        self.order.push_back(task);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_task.remove(&oldest);
        }
    }
}
