using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using KubeStore.Objects;

namespace KubeStore.Selectors;

/// <summary>Where the next page of a list begins, and at which revision.</summary>
/// <param name="Revision">What all pages of the list show; -1 to go on with what is there now.</param>
/// <param name="Start">The first key that may come, from where the keys of the list's resource begin.</param>
internal readonly record struct ContinueToken(long Revision, string Start)
{
    private const string Version = "meta.k8s.io/v1";

    public string Encode() => Base64Url.EncodeToString(JsonText.Write(new JsonObject
    {
        ["v"] = Version,
        ["rv"] = JsonValue.Create(Revision),
        ["start"] = Start,
    }));

    /// <exception cref="FormatException">It is none; the message says why.</exception>
    public static ContinueToken Decode(string text)
    {
        JsonNode? json;
        try
        {
            json = JsonText.Parse(Base64Url.DecodeFromChars(text.AsSpan().TrimEnd('=')));
        }
        catch (Exception wrong) when (wrong is FormatException or JsonException)
        {
            throw new FormatException("continue key is not valid: it cannot be decoded", wrong);
        }

        if (json.TextAt("v") != Version)
        {
            throw new FormatException("continue key is not valid: server does not recognize this encoded version");
        }

        var revision = json.IntegerAt("rv") ?? 0;
        var start = json.TextAt("start");
        if (revision == 0 || revision < -1)
        {
            throw new FormatException("continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)");
        }

        // It becomes part of a key, and must not lead anywhere else.
        if (start.Length == 0 || start[0] == '/' || Encoding.UTF8.GetByteCount(start) > 4096
            || start.TrimEnd('\0').Split('/').Any(part => part is "" or "." or ".."))
        {
            throw new FormatException("continue key is not valid: encoded start key is not clean");
        }

        return new(revision, start);
    }
}
