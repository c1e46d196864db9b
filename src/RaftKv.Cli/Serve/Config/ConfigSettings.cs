using System.Globalization;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace RaftKv.Cli.Serve.Config;

/// <summary>One setting of a file, where it stands there, and its value as text; elements of a list have commas between.</summary>
/// <param name="Key">With its section's in front: "peer-transport-security.key-file".</param>
/// <param name="Value">Empty if there is none.</param>
/// <param name="Place">Line and column.</param>
internal sealed record ConfigSetting(string Key, string Value, string Place);

/// <summary>What a file of settings says, in its order. JSON is YAML, too.</summary>
internal static class ConfigSettings
{
    // Sections lie two deep at most; whoever writes more is lost.
    private const int MaxDepth = 8;

    /// <exception cref="FlagException">The file cannot be read, or is not one of settings.</exception>
    public static IReadOnlyList<ConfigSetting> Read(string path)
    {
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw new FlagException($"The configuration file cannot be read: {failed.Message}");
        }

        try
        {
            var settings = new List<ConfigSetting>();
            var parser = new Parser(new StringReader(text));
            parser.Consume<StreamStart>();
            if (parser.TryConsume<DocumentStart>(out _))
            {
                ReadDocument(parser, settings);
                parser.Consume<DocumentEnd>();
            }

            return parser.TryConsume<DocumentStart>(out var second)
                ? throw Wrong(second, "a second document begins here; there must be one")
                : settings;
        }
        catch (YamlException wrong)
        {
            throw new FlagException($"{path}:{Place(wrong.Start)}: {wrong.Message}");
        }
    }

    private static void ReadDocument(Parser parser, List<ConfigSetting> settings)
    {
        if (parser.TryConsume<Scalar>(out var only))
        {
            if (only.Value.Length > 0)
            {
                throw Wrong(only, "there must be settings, 'name: value' on each line");
            }

            return;
        }

        ReadSection(parser, "", 0, settings);
    }

    private static void ReadSection(Parser parser, string section, int depth, List<ConfigSetting> settings)
    {
        if (!parser.TryConsume<MappingStart>(out var start))
        {
            throw Wrong(parser.Current!, "there must be settings, 'name: value' on each line");
        }

        if (depth > MaxDepth)
        {
            throw Wrong(start, $"sections lie more than {MaxDepth} deep");
        }

        while (!parser.TryConsume<MappingEnd>(out _))
        {
            if (!parser.TryConsume<Scalar>(out var key))
            {
                throw Wrong(parser.Current!, "a setting's name must be plain text");
            }

            var name = $"{section}{key.Value}";
            if (parser.Accept<MappingStart>(out _))
            {
                ReadSection(parser, $"{name}.", depth + 1, settings);
            }
            else
            {
                settings.Add(new ConfigSetting(name, ReadValue(parser, name), Place(key.Start)));
            }
        }
    }

    private static string ReadValue(Parser parser, string name)
    {
        if (parser.TryConsume<SequenceStart>(out _))
        {
            var elements = new List<string>();
            while (!parser.TryConsume<SequenceEnd>(out _))
            {
                elements.Add(ReadText(parser, name));
            }

            return string.Join(',', elements);
        }

        return ReadText(parser, name);
    }

    private static string ReadText(Parser parser, string name)
    {
        if (!parser.TryConsume<Scalar>(out var scalar))
        {
            throw Wrong(parser.Current!, $"the value of '{name}' must be plain text, a number, true or false, or a list of such");
        }

        return scalar.Style == ScalarStyle.Plain && scalar.Value is "~" or "null" ? "" : scalar.Value;
    }

    private static YamlException Wrong(ParsingEvent at, string message) => new(at.Start, at.End, message);

    private static string Place(Mark mark) => string.Create(CultureInfo.InvariantCulture, $"{mark.Line}:{mark.Column}");
}
