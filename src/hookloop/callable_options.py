"""Functions of a session that a `CallableOptions` describes: `Session._make_callable_from_options`."""

from __future__ import annotations

__all__ = ["callable_from_options"]


def callable_from_options(session, options):
    """A function of the fed values, which gives a list of what is fetched.

    A tensor that is connected to another takes that one's value, which a run of its own computes before.

    Args:
      session: the session.
      options: a `CallableOptions`.

    Returns:
      The function; it takes `run_metadata` too.

    Raises:
      ValueError, KeyError: for the name of a tensor or operation that the graph has not.
    """
    graph = session.graph
    fetches = list(options.fetch)
    targets = [graph.as_graph_element(name, allow_tensor=False) for name in options.target]
    feeds = list(options.feed)
    sources = [connection.from_tensor for connection in options.tensor_connection]
    connected = [connection.to_tensor for connection in options.tensor_connection]
    run = session.make_callable([*fetches, *targets], feeds + connected, accept_options=True)
    compute = session.make_callable(sources, feeds, accept_options=True) if sources else None
    run_options = options.run_options if options.HasField("run_options") else None
    if not targets and compute is None and run_options is None:
        return run

    def call(*values, run_metadata=None):
        if compute is not None:
            known = compute(*values) if run_options is None else compute(*values, options=run_options)
            values = (*values, *known)
        if run_metadata is None and run_options is None:
            return run(*values)[: len(fetches)]
        return run(*values, options=run_options, run_metadata=run_metadata)[: len(fetches)]

    return call
