using System.Buffers;
using System.Text.Json;

namespace RaftKv.Server.Gateway;

/// <summary>One JSON value of a request, of which there may be several one after the other.</summary>
internal sealed class JsonText : IDisposable
{
    private static readonly JsonReaderOptions Several = new() { AllowMultipleValues = true, MaxDepth = 64 };

    private readonly JsonDocument _document;

    private JsonText(JsonDocument document) => _document = document;

    public JsonElement Root => _document.RootElement;

    /// <summary>Takes the next value off the front of some bytes.</summary>
    /// <param name="bytes">Becomes what is behind it.</param>
    /// <param name="isAll">Whether nothing will follow these bytes.</param>
    /// <returns>Null if it is not there yet, or there is none.</returns>
    /// <exception cref="GatewayInputException">It is no JSON.</exception>
    public static JsonText? Take(ref ReadOnlySequence<byte> bytes, bool isAll)
    {
        bytes = bytes.Slice(bytes.Length - Behind(bytes));
        if (bytes.IsEmpty)
        {
            return null;
        }

        try
        {
            var reader = new Utf8JsonReader(bytes, isAll, new JsonReaderState(Several));
            if (!JsonDocument.TryParseValue(ref reader, out var document))
            {
                return null;
            }

            bytes = bytes.Slice(reader.BytesConsumed);
            return new JsonText(document);
        }
        catch (JsonException broken)
        {
            throw new GatewayInputException($"The body is not JSON: {broken.Message}", broken);
        }
    }

    /// <inheritdoc cref="Take(ref ReadOnlySequence{byte}, bool)"/>
    public static JsonText? Take(ReadOnlyMemory<byte> bytes)
    {
        var all = new ReadOnlySequence<byte>(bytes);
        return Take(ref all, isAll: true);
    }

    public void Dispose() => _document.Dispose();

    // How many bytes there are from the first one on that is no white space.
    private static long Behind(in ReadOnlySequence<byte> bytes)
    {
        var reader = new SequenceReader<byte>(bytes);
        reader.AdvancePastAny(" \t\r\n"u8);
        return reader.Remaining;
    }
}
