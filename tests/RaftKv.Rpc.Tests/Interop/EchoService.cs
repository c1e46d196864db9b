using System.Collections.Concurrent;
using System.Text;
using Google.Protobuf;
using RaftKv.Rpc.Server;
using Outcome = RaftKv.Rpc.Tests.Interop.OutcomeResponse.Types.Outcome;

namespace RaftKv.Rpc.Tests.Interop;

/// <summary>The Echo service of interop.proto on our server: does what each request tells it to.</summary>
internal sealed class EchoService
{
    /// <summary>Largest message the service takes, as interop.proto promises.</summary>
    public const int MaxMessageBytes = 16 * 1024 * 1024;

    private readonly ConcurrentDictionary<string, Outcome> _outcomes = new(StringComparer.Ordinal);

    public EchoService()
        => Service = new RpcService(InteropReflection.Descriptor.Services.Single())
            .Unary<EchoRequest, EchoResponse>("Unary", (request, call) => Watched(call, echo => UnaryAsync(echo, request)))
            .ClientStreaming<EchoRequest, EchoResponse>("ClientStream", (requests, call) => Watched(call, echo => ClientStreamAsync(echo, requests)))
            .ServerStreaming<EchoRequest, EchoResponse>("ServerStream", (request, responses, call) => Watched(call, echo => ServerStreamAsync(echo, request, responses)))
            .Duplex<EchoRequest, EchoResponse>("Duplex", (requests, responses, call) => Watched(call, echo => DuplexAsync(echo, requests, responses)))
            .Unary<OutcomeRequest, OutcomeResponse>("Outcome", (request, _) => new(new OutcomeResponse { Outcome = _outcomes.GetValueOrDefault(request.CallId) }));

    public RpcService Service { get; }

    private static async ValueTask<EchoResponse> UnaryAsync(EchoCall echo, EchoRequest request)
    {
        echo.Read(request);
        var answer = await echo.AnswerAsync(request, request.Text);
        echo.FailIfAsked(request);
        return answer;
    }

    private static async ValueTask<EchoResponse> ClientStreamAsync(EchoCall echo, RpcRequestStream<EchoRequest> requests)
    {
        var texts = new StringBuilder();
        var last = new EchoRequest();
        await foreach (var request in requests)
        {
            echo.Read(request);
            texts.Append(request.Text);
            last = request;
            if (echo.FailIfAsked(request))
            {
                return new EchoResponse();
            }
        }

        return await echo.AnswerAsync(last, texts.ToString());
    }

    private static async ValueTask<bool> ServerStreamAsync(EchoCall echo, EchoRequest request, RpcResponseStream<EchoResponse> responses)
    {
        echo.Read(request);
        for (var i = 0; i < request.Count; i++)
        {
            await responses.WriteAsync(await echo.AnswerAsync(request, request.Text));
        }

        return echo.FailIfAsked(request);
    }

    private static async ValueTask<bool> DuplexAsync(
        EchoCall echo, RpcRequestStream<EchoRequest> requests, RpcResponseStream<EchoResponse> responses)
    {
        await foreach (var request in requests)
        {
            if (await ServerStreamAsync(echo, request, responses))
            {
                return true;
            }
        }

        return false;
    }

    private async ValueTask Watched(RpcServerCall call, Func<EchoCall, ValueTask<bool>> handle)
        => await Watched<bool>(call, handle);

    /// <summary>Runs a call and remembers how it ended.</summary>
    private async ValueTask<T> Watched<T>(RpcServerCall call, Func<EchoCall, ValueTask<T>> handle)
    {
        var echo = new EchoCall(call, callId => _outcomes[callId] = Outcome.Running);
        echo.EchoMetadata();
        try
        {
            var result = await handle(echo);
            echo.Ended(callId => _outcomes[callId] = Outcome.Completed);
            return result;
        }
        catch
        {
            // Nothing in the handlers throws but a wait that was cancelled.
            echo.Ended(callId => _outcomes[callId] = Outcome.Cancelled);
            throw;
        }
    }

    /// <summary>What one call has read and answered so far.</summary>
    private sealed class EchoCall(RpcServerCall call, Action<string> started)
    {
        private string _callId = "";
        private uint _received;
        private ulong _receivedBytes;
        private uint _answered;

        public void EchoMetadata()
        {
            foreach (var entry in call.RequestMetadata)
            {
                if (entry.Key.StartsWith("echo-initial-", StringComparison.Ordinal))
                {
                    Add(call.ResponseHeaders, entry);
                }
                else if (entry.Key.StartsWith("echo-trailing-", StringComparison.Ordinal))
                {
                    Add(call.ResponseTrailers, entry);
                }
            }
        }

        public void Read(EchoRequest request)
        {
            _received++;
            _receivedBytes += (ulong)request.Payload.Length;
            if (request.CallId.Length > 0)
            {
                _callId = request.CallId;
                started(_callId);
            }
        }

        public async ValueTask<EchoResponse> AnswerAsync(EchoRequest request, string text)
        {
            if (request.SleepMs > 0)
            {
                await Task.Delay((int)request.SleepMs, call.CancellationToken);
            }

            return new EchoResponse
            {
                Payload = request.ResponseSize > 0 ? Pattern(request.ResponseSize) : request.Payload,
                Text = text,
                Index = _answered++,
                Received = _received,
                ReceivedBytes = _receivedBytes,
                RemainingMs = call.TimeLeft is { } left ? Math.Max(1, (uint)left.TotalMilliseconds) : 0,
                Metadata = { call.RequestMetadata.Where(entry => entry.Key.StartsWith("echo-", StringComparison.Ordinal)).Select(AsHeader) },
            };
        }

        public bool FailIfAsked(EchoRequest request)
        {
            if (request.FailCode == 0)
            {
                return false;
            }

            call.Fail((RpcStatusCode)request.FailCode, request.FailText);
            return true;
        }

        public void Ended(Action<string> remember)
        {
            if (_callId.Length > 0)
            {
                remember(_callId);
            }
        }

        private static Header AsHeader(RpcMetadataEntry entry) => new()
        {
            Key = entry.Key,
            Value = entry.IsBinary ? ByteString.CopyFrom(entry.Bytes.Span) : ByteString.CopyFromUtf8(entry.Text),
        };

        private static void Add(RpcMetadata metadata, RpcMetadataEntry entry)
        {
            if (entry.IsBinary)
            {
                metadata.Add(entry.Key, entry.Bytes);
            }
            else
            {
                metadata.Add(entry.Key, entry.Text);
            }
        }

        private static ByteString Pattern(uint size)
        {
            var bytes = new byte[size];
            for (var i = 0; i < bytes.Length; i++)
            {
                bytes[i] = (byte)(i % 251);
            }

            return UnsafeByteOperations.UnsafeWrap(bytes);
        }
    }
}
