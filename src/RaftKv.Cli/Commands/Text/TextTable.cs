using System.Text;

namespace RaftKv.Cli.Commands.Text;

/// <summary>A table drawn with lines: titles in capitals and centred, cells to the right.</summary>
internal static class TextTable
{
    public static string Draw(IReadOnlyList<string> titles, IReadOnlyList<IReadOnlyList<string>> rows)
    {
        var widths = titles.Select((title, column) => rows.Select(row => row[column].Length).Append(title.Length).Max()).ToArray();
        var rule = "+" + string.Concat(widths.Select(width => new string('-', width + 2) + "+")) + "\n";
        var table = new StringBuilder(rule);
        AppendRow(table, titles.Select((title, column) => Centred(title.ToUpperInvariant(), widths[column])));
        table.Append(rule);
        foreach (var row in rows)
        {
            AppendRow(table, row.Select((cell, column) => cell.PadLeft(widths[column])));
        }

        return (rows.Count > 0 ? table.Append(rule) : table).ToString();
    }

    private static void AppendRow(StringBuilder table, IEnumerable<string> cells)
    {
        table.Append('|');
        foreach (var cell in cells)
        {
            table.Append(' ').Append(cell).Append(" |");
        }

        table.Append('\n');
    }

    private static string Centred(string text, int width) => text.PadLeft(text.Length + ((width - text.Length) / 2)).PadRight(width);
}
