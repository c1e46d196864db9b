using System.Collections.Concurrent;
using System.Diagnostics;
using RaftKv.Rpc;
using RaftKv.Rpc.Server;

namespace RaftKv.Server.Metrics;

/// <summary>Counts the calls of a server, by method: gRPC's usual server metrics, from zero on for every method there is.</summary>
internal sealed class CallInstruments : IRpcServerObserver
{
    private readonly ConcurrentDictionary<string, MethodInstruments> _methods = new(StringComparer.Ordinal);
    private readonly bool _isExtensive;

    /// <param name="isExtensive">Whether the time that calls take is measured as well. etcd's <c>--metrics extensive</c>.</param>
    public CallInstruments(bool isExtensive) => _isExtensive = isExtensive;

    public Counter SentBytes { get; } = new();

    public Counter ReceivedBytes { get; } = new();

    /// <summary>Calls that are no streams, by whoever they came from.</summary>
    public Counter UnaryCalls { get; } = new();

    public Counter StreamCalls { get; } = new();

    public IRpcMethodObserver Of(RpcMethod method) => _methods.GetOrAdd(method.Path, _ => new MethodInstruments(this, method, _isExtensive));

    public void WriteTo(MetricsText page)
    {
        var methods = _methods.Values.OrderBy(method => method.Service, StringComparer.Ordinal).ThenBy(method => method.Name, StringComparer.Ordinal).ToArray();
        page.Begin("grpc_server_started_total", "counter", "Calls that were begun.");
        foreach (var method in methods)
        {
            page.Sample(method.Started.Value, method.Labels);
        }

        page.Begin("grpc_server_msg_received_total", "counter", "Messages received.");
        foreach (var method in methods)
        {
            page.Sample(method.Received.Value, method.Labels);
        }

        page.Begin("grpc_server_msg_sent_total", "counter", "Messages sent.");
        foreach (var method in methods)
        {
            page.Sample(method.Sent.Value, method.Labels);
        }

        page.Begin("grpc_server_handled_total", "counter", "Calls that have ended, by how.");
        foreach (var method in methods)
        {
            for (var code = 0; code < method.Ended.Length; code++)
            {
                page.Sample(method.Ended[code].Value, [("grpc_code", CodeName(code)), .. method.Labels]);
            }
        }

        if (_isExtensive)
        {
            page.Begin("grpc_server_handling_seconds", "histogram", "How long calls took.");
            foreach (var method in methods)
            {
                page.Sample(method.Times!, method.Labels);
            }
        }

        page.Counter("etcd_network_client_grpc_received_bytes_total", "Bytes of messages received from clients.", ReceivedBytes.Value);
        page.Counter("etcd_network_client_grpc_sent_bytes_total", "Bytes of messages sent to clients.", SentBytes.Value);
        page.Begin("etcd_server_client_requests_total", "counter", "Calls by clients.");
        page.Sample(StreamCalls.Value, ("type", "stream"), ("client_api_version", "unknown"));
        page.Sample(UnaryCalls.Value, ("type", "unary"), ("client_api_version", "unknown"));
    }

    // As gRPC's Go library spells them.
    private static string CodeName(int code) => (RpcStatusCode)code switch
    {
        RpcStatusCode.Ok => "OK",
        RpcStatusCode.Cancelled => "Canceled",
        var other => other.ToString(),
    };

    private sealed class MethodInstruments : IRpcMethodObserver
    {
        private const int Codes = 17;

        private readonly CallInstruments _all;
        private readonly bool _isStream;

        public MethodInstruments(CallInstruments all, RpcMethod method, bool isExtensive)
        {
            _all = all;
            _isStream = method.Shape != RpcShape.Unary;
            (Service, Name) = (method.Service, method.Name);
            var shape = method.Shape switch
            {
                RpcShape.Unary => "unary",
                RpcShape.ClientStreaming => "client_stream",
                RpcShape.ServerStreaming => "server_stream",
                _ => "bidi_stream",
            };
            Labels = [("grpc_method", Name), ("grpc_service", Service), ("grpc_type", shape)];
            Ended = [.. Enumerable.Range(0, Codes).Select(_ => new Counter())];
            Times = isExtensive ? Histogram.OfSeconds(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10) : null;
        }

        public string Service { get; }

        public string Name { get; }

        public (string Name, string Value)[] Labels { get; }

        public Counter Started { get; } = new();

        public Counter Received { get; } = new();

        public Counter Sent { get; } = new();

        public Counter[] Ended { get; }

        public Histogram? Times { get; }

        public long Begin()
        {
            Started.Add();
            (_isStream ? _all.StreamCalls : _all.UnaryCalls).Add();
            return Times is null ? 0 : Stopwatch.GetTimestamp();
        }

        public void MessageReceived(long bytes)
        {
            Received.Add();
            _all.ReceivedBytes.Add(bytes);
        }

        public void MessageSent(long bytes)
        {
            Sent.Add();
            _all.SentBytes.Add(bytes);
        }

        public void End(long began, RpcStatusCode code)
        {
            Ended[(uint)code < Codes ? (int)code : (int)RpcStatusCode.Unknown].Add();
            Times?.ObserveSince(began);
        }
    }
}
