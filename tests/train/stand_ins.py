"""What the tests of monitored sessions run: hooks that note what happens to them, sessions that fail."""

import hookloop as tf

Args = tf.train.SessionRunArgs


class Noting(tf.train.SessionRunHook):
    """A hook that notes what it gets, and asks for `fetches`."""

    def __init__(self, fetches=None, feed_dict=None, options=None):
        self.request = Args(fetches, feed_dict, options)
        self.got = []

    def before_run(self, run_context):
        self.context = run_context
        return self.request

    def after_run(self, run_context, run_values):
        self.got.append(run_values.results)
        self.values = run_values


class Triggered(tf.train.SessionRunHook):
    """Notes the counter's value whenever its trigger is due."""

    trigger = None

    def __init__(self, *args, **kwargs):
        self.rule, self.seen = (args, kwargs), []

    def after_create_session(self, session, coord):
        args, kwargs = self.rule
        self.trigger = tf.train.Trigger(*args, **kwargs)

    def before_run(self, run_context):
        return None

    def after_run(self, run_context, run_values):
        self.seen.append(self.trigger.value if self.trigger.due else "not due")


def failing(creator_error=None, step_errors=()):
    """A session creator whose sessions fail at the given steps, counted over all sessions."""

    class Failing(tf.Session):
        def run(self, *args, **kwargs):
            if Creator.started:
                Creator.steps += 1
                if Creator.steps in step_errors:
                    raise tf.errors.AbortedError(None, None, "lost")
            return super().run(*args, **kwargs)

    class Creator(tf.train.SessionCreator):
        steps = made = 0
        started = False

        def create_session(self):
            Creator.started = False
            Creator.made += 1
            if creator_error is not None:
                raise creator_error
            session = Failing()
            session.run(tf.global_variables_initializer())
            Creator.started = True
            return session

    tf.global_variables_initializer()
    return Creator()
