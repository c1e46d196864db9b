using RaftKv.Server;

namespace RaftKv.Testing;

/// <summary>A member of a test's cluster: its place, in which processes of it come and go.</summary>
internal sealed class TestMember(RaftKvOptions options, TestGround ground)
{
    private long _calls;
    private long _activity;

    /// <summary>Null while it is killed.</summary>
    public RaftKvNode? Node { get; private set; }

    /// <summary>Where clients would find it.</summary>
    public Uri ClientUrl => options.AdvertiseClientUrls[0];

    /// <summary>Calls that nobody has begun to answer.</summary>
    public long CallsUnderWay => Interlocked.Read(ref _calls);

    /// <summary>Grows with every call that begins or is answered.</summary>
    public long Activity => Interlocked.Read(ref _activity);

    public async Task StartAsync(CancellationToken cancellation)
        => Node = Node is null
            ? await RaftKvNode.StartAsync(options, ground, cancellation).ConfigureAwait(false)
            : throw new InvalidOperationException($"The member {options.Name} runs already.");

    public async Task KillAsync()
    {
        var node = Node ?? throw new InvalidOperationException($"The member {options.Name} does not run.");
        Node = null;
        await node.StopAsync().ConfigureAwait(false);
    }

    /// <summary>What carries a client's calls to whichever process of the member runs.</summary>
    public HttpMessageHandler NewHandler() => new Line(this);

    private sealed class Line(TestMember member) : HttpMessageHandler
    {
        private (RaftKvNode Node, HttpMessageInvoker Invoker)? _known;

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (member.Node is not { } node)
            {
                throw new HttpRequestException(HttpRequestError.ConnectionError, "The member does not run.");
            }

            HttpMessageInvoker invoker;
            lock (this)
            {
                if (_known?.Node != node)
                {
                    _known = (node, new HttpMessageInvoker(node.NewHandler(), disposeHandler: true));
                }

                invoker = _known.Value.Invoker;
            }

            Interlocked.Increment(ref member._calls);
            Interlocked.Increment(ref member._activity);
            try
            {
                return await invoker.SendAsync(request, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                Interlocked.Decrement(ref member._calls);
                Interlocked.Increment(ref member._activity);
            }
        }
    }
}
