using System.Buffers;
using RaftKv.Rpc.Server;

namespace RaftKv.Server.Api;

/// <summary>Puts around a handler what turns a refusal by the member, or bytes that are no message, into a status.</summary>
internal static class Refusals
{
    public static UnaryHandler<TRequest, TResponse> Told<TRequest, TResponse>(UnaryHandler<TRequest, TResponse> handler)
        where TResponse : new()
        => async (request, call) =>
        {
            try
            {
                return await handler(request, call).ConfigureAwait(false);
            }
            catch (Exception trouble) when (ApiErrors.OfException(trouble) is { } status)
            {
                call.Fail(status);
                return new TResponse();
            }
        };

    public static ServerStreamingHandler<TRequest, TResponse> Told<TRequest, TResponse>(
        ServerStreamingHandler<TRequest, TResponse> handler)
        => async (request, responses, call) =>
        {
            try
            {
                await handler(request, responses, call).ConfigureAwait(false);
            }
            catch (Exception trouble) when (ApiErrors.OfException(trouble) is { } status)
            {
                call.Fail(status);
            }
        };

    public static DuplexHandler<TRequest, TResponse> Told<TRequest, TResponse>(DuplexHandler<TRequest, TResponse> handler)
        => async (requests, responses, call) =>
        {
            try
            {
                await handler(requests, responses, call).ConfigureAwait(false);
            }
            catch (Exception trouble) when (ApiErrors.OfException(trouble) is { } status)
            {
                call.Fail(status);
            }
        };

    /// <summary>A message in one piece, copied only if it is not.</summary>
    public static ReadOnlyMemory<byte> InOnePiece(in ReadOnlySequence<byte> message)
        => message.IsSingleSegment ? message.First : message.ToArray();
}
